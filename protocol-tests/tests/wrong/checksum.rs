use data_encoding::BASE64;
use http_body_util::BodyExt;
use hyper::StatusCode;
use hyper::body::Incoming;
use sha1::Digest;

use super::Wrong;
use super::answer::Answer;
use super::asked::Asked;
use super::store::Store;

/// What is offered.
pub(super) const ALGORITHMS: &str = "sha1,md5,sha256,crc32";

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
            Some(sum) => parse(sum).map(|_| Self::Header(sum.to_owned())),
            None if asked.has("upload-checksum") => Err(Answer::of(StatusCode::BAD_REQUEST)),
            None if promised && !store.does(Wrong::IgnoresTrailers) => Ok(Self::Trailer),
            None => Ok(Self::None),
        }
    }
}

/// Reads the whole body and says whether it is what its checksum says.
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
    let verdict = parse(&told).and_then(|(algorithm, sum)| match digest(algorithm, &bytes) == sum {
        true => Ok(()),
        false => Err(mismatch()),
    });
    Ok((bytes, verdict))
}

fn mismatch() -> Answer {
    Answer::of(StatusCode::from_u16(460).expect("three digits are a status"))
}

fn parse(value: &str) -> Result<(&str, Vec<u8>), Answer> {
    let (algorithm, sum) = value.split_once(' ').unwrap_or((value, ""));
    if !ALGORITHMS.split(',').any(|offered| offered == algorithm) || sum.is_empty() {
        return Err(Answer::of(StatusCode::BAD_REQUEST));
    }
    BASE64.decode(sum.as_bytes()).map(|sum| (algorithm, sum)).map_err(|_| mismatch())
}

fn digest(algorithm: &str, bytes: &[u8]) -> Vec<u8> {
    match algorithm {
        "md5" => md5::Md5::digest(bytes).to_vec(),
        "sha256" => sha2::Sha256::digest(bytes).to_vec(),
        "crc32" => crc32fast::hash(bytes).to_be_bytes().to_vec(),
        _ => sha1::Sha1::digest(bytes).to_vec(),
    }
}
