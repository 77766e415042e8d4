//! Checksums of single requests (tus 1.0.0, Checksum).

use std::str::FromStr;

use sha2::digest::DynDigest;

/// An algorithm that a client may choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// SHA-1, which every tus server with checksums must support.
    Sha1,
    /// SHA-2, 256 bits.
    Sha256,
    /// SHA-2, 512 bits.
    Sha512,
    /// MD5, for old clients.
    Md5,
    /// CRC-32 as in zlib, four bytes big-endian.
    Crc32,
}

/// The algorithms' names on the wire.
const NAMES: [(&str, Algorithm); 5] = [
    ("sha1", Algorithm::Sha1),
    ("sha256", Algorithm::Sha256),
    ("sha512", Algorithm::Sha512),
    ("md5", Algorithm::Md5),
    ("crc32", Algorithm::Crc32),
];

/// The checksum that a request's bytes must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checksum {
    algorithm: Algorithm,
    expected: Vec<u8>,
}

/// The reason why an `Upload-Checksum` cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChecksumError {
    /// The algorithm is not supported.
    #[error("Unsupported checksum algorithm")]
    Unsupported,
    /// The value is not an algorithm, a space and base64.
    #[error("Invalid Upload-Checksum")]
    Malformed,
}

/// A checksum of the bytes so far.
pub struct RunningChecksum(State);

enum State {
    Digest(Box<dyn DynDigest + Send + Sync>),
    Crc32(crc32fast::Hasher),
}

impl Algorithm {
    /// All algorithms, in the order of their names in the header.
    pub(super) fn all() -> [Self; 5] {
        NAMES.map(|(_, algorithm)| algorithm)
    }

    /// All names, as `Tus-Checksum-Algorithm` lists them.
    pub fn names() -> String {
        NAMES.map(|(name, _)| name).join(",")
    }

    /// A checksum over no bytes yet.
    pub fn begin(self) -> RunningChecksum {
        RunningChecksum(match self {
            Self::Sha1 => State::Digest(Box::new(sha1::Sha1::default())),
            Self::Sha256 => State::Digest(Box::new(sha2::Sha256::default())),
            Self::Sha512 => State::Digest(Box::new(sha2::Sha512::default())),
            Self::Md5 => State::Digest(Box::new(md5::Md5::default())),
            Self::Crc32 => State::Crc32(crc32fast::Hasher::new()),
        })
    }
}

impl FromStr for Checksum {
    type Err = ChecksumError;

    fn from_str(text: &str) -> Result<Self, ChecksumError> {
        let (name, value) = text.split_once(' ').ok_or(ChecksumError::Malformed)?;
        let known = NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        let algorithm = known.ok_or(ChecksumError::Unsupported)?.1;
        // A value of another length is well-formed; it is one that no bytes have.
        match data_encoding::BASE64.decode(value.trim().as_bytes()) {
            Ok(expected) if !expected.is_empty() => Ok(Self { algorithm, expected }),
            _ => Err(ChecksumError::Malformed),
        }
    }
}

impl Checksum {
    /// The algorithm that the client chose.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Whether the bytes have the expected checksum.
    pub fn is_met_by(&self, running: RunningChecksum) -> bool {
        running.finish() == self.expected
    }
}

impl RunningChecksum {
    /// Adds the bytes that follow.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            State::Digest(digest) => digest.update(bytes),
            State::Crc32(hasher) => hasher.update(bytes),
        }
    }

    fn finish(self) -> Vec<u8> {
        match self.0 {
            State::Digest(digest) => digest.finalize().into_vec(),
            State::Crc32(hasher) => hasher.finalize().to_be_bytes().to_vec(),
        }
    }
}

impl std::fmt::Debug for RunningChecksum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RunningChecksum")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_algorithm_knows_its_sum_of_abc() {
        for text in [
            "sha1 qZk+NkcGgWq6PiVxeFDCbJzQ2J0=",
            "SHA1 qZk+NkcGgWq6PiVxeFDCbJzQ2J0=",
            "md5 kAFQmDzST7DWlj99KOF/cg==",
            "sha256 ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=",
            "sha512 3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw==",
            "crc32 NSRBwg==",
        ] {
            let checksum: Checksum = text.parse().expect("valid");
            let mut running = checksum.algorithm().begin();
            running.update(b"a");
            running.update(b"bc");
            assert!(checksum.is_met_by(running), "{text}");
            assert!(!checksum.is_met_by(checksum.algorithm().begin()), "{text}: nothing is something else");
        }
    }

    #[test]
    fn what_cannot_be_checked_is_refused() {
        for (text, error) in [
            ("sha3 AAAA", ChecksumError::Unsupported),
            ("", ChecksumError::Malformed),
            ("sha1", ChecksumError::Malformed),
            ("sha1 ", ChecksumError::Malformed),
            ("sha1 !", ChecksumError::Malformed),
            ("sha1 AAA", ChecksumError::Malformed),
            ("crc32 NSRBwg", ChecksumError::Malformed),
        ] {
            assert_eq!(text.parse::<Checksum>(), Err(error), "{text}");
        }
    }

    #[test]
    fn no_bytes_add_up_to_a_value_of_another_length() {
        for text in [
            "sha1 AAAA",
            "md5 kAFQmDzST7DWlj99KOF/",
            "sha256 qZk+NkcGgWq6PiVxeFDCbJzQ2J0=",
            "sha512 ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=",
            "crc32 NSRBwjUkQcI=",
        ] {
            let checksum: Checksum = text.parse().expect("well-formed");
            let mut running = checksum.algorithm().begin();
            running.update(b"abc");
            assert!(!checksum.is_met_by(running), "{text}");
        }
    }
}
