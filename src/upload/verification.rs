//! The verification of one request's bytes (tus 1.0.0, Checksum): by a header, by a trailer, or not at all.

use super::checksum::{Algorithm, Checksum, ChecksumError, RunningChecksum};

/// The way in which a request's bytes are verified, known before its first byte.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Verification {
    /// The request has no checksum.
    #[default]
    None,
    /// The request has the header `Upload-Checksum`.
    Given(Checksum),
    /// The request has `Trailer: Upload-Checksum`: the checksum comes after the last byte.
    Trailing,
}

/// The value of `Upload-Checksum` in the trailer.
pub type TrailingChecksum = Result<Checksum, ChecksumError>;

/// A [`Verification`] under way: it sees every byte, and judges at the end.
#[derive(Debug, Default)]
pub struct Check(Running);

#[derive(Debug, Default)]
enum Running {
    #[default]
    Off,
    Given(Checksum, RunningChecksum),
    /// The trailer names its algorithm only after the bytes have passed, so all algorithms are run. That
    /// costs CPU time in a rare case; reading the bytes back would cost a path of its own through every
    /// store.
    Trailing([(Algorithm, RunningChecksum); 5]),
}

/// The reason why the bytes of a request are not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CheckError {
    /// The bytes are not those that the client meant to send.
    #[error("The bytes do not match Upload-Checksum")]
    Mismatch,
    /// The checksum cannot be used.
    #[error(transparent)]
    Unusable(#[from] ChecksumError),
    /// The announced trailer did not come.
    #[error("The announced trailer Upload-Checksum did not come")]
    Missing,
    /// A trailer came unannounced, so the bytes were not summed up, and some may have been recorded.
    #[error("A trailer Upload-Checksum has to be announced with Trailer")]
    Unannounced,
    /// A header and a trailer came: as with a repeated header, neither is the right one.
    #[error("Upload-Checksum comes either as a header or as a trailer")]
    Twice,
}

impl Verification {
    /// Begins the verification.
    pub fn begin(self) -> Check {
        Check(match self {
            Self::None => Running::Off,
            Self::Given(checksum) => {
                let running = checksum.algorithm().begin();
                Running::Given(checksum, running)
            }
            Self::Trailing => {
                Running::Trailing(Algorithm::all().map(|algorithm| (algorithm, algorithm.begin())))
            }
        })
    }
}

impl Check {
    /// Whether a checksum is expected: then nothing may be recorded before [`Check::close`].
    pub fn is_open(&self) -> bool {
        !matches!(self.0, Running::Off)
    }

    /// Adds the bytes that follow. Costs CPU time in proportion, unless no checksum is expected.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            Running::Off => {}
            Running::Given(_, running) => running.update(bytes),
            Running::Trailing(all) => all.iter_mut().for_each(|(_, running)| running.update(bytes)),
        }
    }

    /// Judges the bytes, after the last byte and the trailer.
    ///
    /// # Errors
    /// [`CheckError`]
    pub fn close(self, trailer: Option<TrailingChecksum>) -> Result<(), CheckError> {
        match (self.0, trailer) {
            (Running::Off, None) => Ok(()),
            (Running::Off, Some(_)) => Err(CheckError::Unannounced),
            (Running::Given(..), Some(_)) => Err(CheckError::Twice),
            (Running::Given(checksum, running), None) => judge(&checksum, running),
            (Running::Trailing(_), None) => Err(CheckError::Missing),
            (Running::Trailing(all), Some(checksum)) => {
                let checksum = checksum?;
                let mut all = all.into_iter();
                let chosen = all.find(|(algorithm, _)| *algorithm == checksum.algorithm());
                judge(&checksum, chosen.expect("every algorithm is run").1)
            }
        }
    }
}

fn judge(checksum: &Checksum, running: RunningChecksum) -> Result<(), CheckError> {
    if checksum.is_met_by(running) { Ok(()) } else { Err(CheckError::Mismatch) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checksums of `abc`.
    const SUMS: [&str; 5] = [
        "sha1 qZk+NkcGgWq6PiVxeFDCbJzQ2J0=",
        "md5 kAFQmDzST7DWlj99KOF/cg==",
        "sha256 ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=",
        "sha512 3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw==",
        "crc32 NSRBwg==",
    ];

    fn judged(
        verification: Verification,
        bytes: &[&str],
        trailer: Option<TrailingChecksum>,
    ) -> Result<(), CheckError> {
        let mut check = verification.begin();
        bytes.iter().for_each(|piece| check.update(piece.as_bytes()));
        check.close(trailer)
    }

    #[test]
    fn every_algorithm_is_known_before_the_bytes_and_after_them() {
        for text in SUMS {
            let checksum: Checksum = text.parse().expect("valid");
            for (bytes, expected) in [
                (&["abc"][..], Ok(())),
                (&["a", "", "bc"], Ok(())),
                (&["abd"], Err(CheckError::Mismatch)),
                (&["ab"], Err(CheckError::Mismatch)),
                (&[], Err(CheckError::Mismatch)),
            ] {
                assert_eq!(judged(Verification::Given(checksum.clone()), bytes, None), expected, "{text}");
                let trailer = Some(Ok(checksum.clone()));
                assert_eq!(judged(Verification::Trailing, bytes, trailer), expected, "{text}");
            }
        }
    }

    #[test]
    fn a_trailer_comes_when_it_is_announced_and_only_then() {
        let checksum: Checksum = SUMS[0].parse().expect("valid");
        let given = Verification::Given(checksum.clone());
        for (verification, trailer, expected) in [
            (Verification::None, None, Ok(())),
            (Verification::None, Some(Ok(checksum.clone())), Err(CheckError::Unannounced)),
            (given, Some(Ok(checksum)), Err(CheckError::Twice)),
            (Verification::Trailing, None, Err(CheckError::Missing)),
            (
                Verification::Trailing,
                Some(Err(ChecksumError::Unsupported)),
                Err(CheckError::Unusable(ChecksumError::Unsupported)),
            ),
        ] {
            let is_open = verification != Verification::None;
            assert_eq!(verification.clone().begin().is_open(), is_open);
            assert_eq!(judged(verification, &["abc"], trailer), expected);
        }
    }
}
