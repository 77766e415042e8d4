//! The facts that can tell two files apart before their bytes are compared.

use super::model::Upload;
use super::state::State;
use crate::message::Message;

/// The facts known of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownFile {
    /// The file's length, once declared.
    pub length: Option<u64>,
    /// The least number of bytes that the file has.
    pub at_least: u64,
    /// The file's SHA-256, announced or computed.
    pub sha256: Option<[u8; 32]>,
}

impl KnownFile {
    /// Whether the two may be the same file.
    pub fn may_be(self, other: Self) -> bool {
        let are_of_one_length = match (self.length, other.length) {
            (Some(one), Some(other)) => one == other,
            (Some(length), None) => length >= other.at_least,
            (None, Some(length)) => length >= self.at_least,
            (None, None) => true,
        };
        are_of_one_length && self.sha256.zip(other.sha256).is_none_or(|(one, other)| one == other)
    }
}

impl Upload {
    /// The known facts of the upload's file.
    pub fn known_file(&self) -> KnownFile {
        let announced = self.metadata.sha256().ok().flatten();
        // The digest is that of the whole file only once all bytes are there.
        let is_whole = matches!(self.state, State::Complete | State::Finalizing(_) | State::Committed(_));
        let taken = if is_whole { self.sha256() } else { None };
        KnownFile { length: self.length.known(), at_least: self.offset, sha256: taken.or(announced) }
    }
}

impl From<&Message> for KnownFile {
    fn from(message: &Message) -> Self {
        Self { length: Some(message.file_size), at_least: message.file_size, sha256: message.sha256 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_may_be_the_same_unless_something_known_says_otherwise() {
        let known = |length, at_least, digest: Option<u8>| KnownFile {
            length,
            at_least,
            sha256: digest.map(|byte| [byte; 32]),
        };
        for (one, other, expected) in [
            (known(Some(5), 0, None), known(Some(5), 2, None), true),
            (known(Some(5), 0, None), known(Some(6), 2, None), false),
            (known(Some(5), 0, None), known(None, 5, None), true),
            (known(Some(5), 0, None), known(None, 6, None), false),
            (known(None, 9, None), known(None, 2, None), true),
            (known(Some(5), 0, Some(1)), known(Some(5), 0, None), true),
            (known(Some(5), 0, Some(1)), known(Some(5), 0, Some(1)), true),
            (known(Some(5), 0, Some(1)), known(Some(5), 0, Some(2)), false),
            (known(None, 0, Some(1)), known(None, 0, Some(2)), false),
        ] {
            assert_eq!(one.may_be(other), expected, "{one:?} {other:?}");
            assert_eq!(other.may_be(one), expected, "{other:?} {one:?}");
        }
    }
}
