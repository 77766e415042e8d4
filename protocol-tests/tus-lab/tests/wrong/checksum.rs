use http_body_util::BodyExt;
use hyper::StatusCode;
use hyper::body::Incoming;
use tus_lab::checksum::checksum;

use super::Wrong;
use super::answer::Answer;
use super::asked::Asked;
use super::store::Store;

/// The algorithms that the server offers.
pub(super) const OFFERED: &str = "sha1,md5,sha256,crc32";

/// Where the checksum of a body comes from.
pub(super) enum Sum {
    None,
    Header(String),
    Trailer,
}

impl Sum {
    pub(super) fn of(asked: &Asked<'_>, store: &Store) -> Result<Self, Answer> {
        let promised = asked.only("trailer").is_some_and(|name| name.eq_ignore_ascii_case("upload-checksum"));
        match asked.only("upload-checksum") {
            Some(sum) => algorithm_of(sum).map(|_| Self::Header(sum.to_owned())),
            None if asked.has("upload-checksum") => Err(Answer::of(StatusCode::BAD_REQUEST)),
            None if promised && !store.does(Wrong::IgnoresTrailers) => Ok(Self::Trailer),
            None => Ok(Self::None),
        }
    }
}

/// Reads the whole body, and compares it with its checksum.
pub(super) async fn collect(mut body: Incoming, sum: Sum) -> Result<(Vec<u8>, Result<(), Answer>), Answer> {
    let mut bytes = Vec::new();
    let mut told = if let Sum::Header(sum) = sum { Some(sum) } else { None };
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Answer::of(StatusCode::BAD_REQUEST))?;
        match frame.into_data() {
            Ok(data) => bytes.extend_from_slice(&data),
            Err(frame) => {
                let trailers = frame.into_trailers().ok();
                let value = trailers.and_then(|trailers| trailers.get("upload-checksum").cloned());
                told = value.and_then(|value| value.to_str().map(str::to_owned).ok());
            }
        }
    }
    let told = told.ok_or_else(|| Answer::of(StatusCode::BAD_REQUEST))?;
    let verdict = algorithm_of(&told).and_then(|algorithm| match checksum(algorithm, &bytes) == told {
        true => Ok(()),
        false => Err(Answer::of(StatusCode::from_u16(460).expect("three digits are a status"))),
    });
    Ok((bytes, verdict))
}

fn algorithm_of(told: &str) -> Result<&str, Answer> {
    let algorithm = told.split_once(' ').filter(|(_, sum)| !sum.is_empty()).map(|(algorithm, _)| algorithm);
    let algorithm = algorithm.filter(|algorithm| OFFERED.split(',').any(|offered| offered == *algorithm));
    algorithm.ok_or_else(|| Answer::of(StatusCode::BAD_REQUEST))
}
