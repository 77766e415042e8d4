//! Which uploads have their SHA-256 taken, besides those whose clients announced it.

use super::Length;

/// The uploads whose digest is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Digests {
    /// All.
    Every,
    /// Those of at most 128 MiB, and those whose first request has a checksum.
    Auto,
    /// None.
    Off,
}

/// The longest upload whose digest is taken by [`Digests::Auto`]: photos, and films of a minute. A second of
/// a processor takes ten times that.
const SMALL_BYTES: u64 = 128 * 1024 * 1024;

impl Digests {
    /// Whether the digest of an upload is taken from its first byte on. One without a length may be small.
    pub fn include(self, length: Length) -> bool {
        match self {
            Self::Every => true,
            Self::Auto => length.known().is_none_or(|length| length <= SMALL_BYTES),
            Self::Off => false,
        }
    }

    /// Whether a request that begins the upload, and has a checksum, begins the digest.
    pub fn include_checked(self) -> bool {
        self != Self::Off
    }

    /// The offset after which the digest is given up: of an upload that begins without a length, and turns
    /// out to be long.
    pub fn end(self, length: Length, is_announced: bool) -> Option<u64> {
        let is_open = length == Length::Deferred && !is_announced;
        (self == Self::Auto && is_open).then_some(SMALL_BYTES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::UserId;
    use crate::time::Timestamp;
    use crate::upload::{Metadata, Upload, UploadId};

    const SHA256: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn upload(digests: Digests, length: Length, metadata: Metadata) -> Upload {
        let owner: UserId = "ada".parse().expect("valid");
        Upload::new(UploadId::random(), owner, length, metadata, None, digests, Timestamp::now())
    }

    #[test]
    fn a_digest_is_taken_of_what_is_small_or_announced_or_of_all_or_of_none() {
        let (small, large) = (Length::Known(SMALL_BYTES), Length::Known(SMALL_BYTES + 1));
        for (digests, length, is_taken, end) in [
            (Digests::Every, large, true, None),
            (Digests::Every, Length::Deferred, true, None),
            (Digests::Auto, small, true, None),
            (Digests::Auto, large, false, None),
            (Digests::Auto, Length::Deferred, true, Some(SMALL_BYTES)),
            (Digests::Off, small, false, None),
            (Digests::Off, Length::Deferred, false, None),
        ] {
            let plain = upload(digests, length, Metadata::default());
            assert_eq!(plain.digest.is_some(), is_taken, "{digests:?} {length:?}");
            assert_eq!(digests.end(length, false), end, "{digests:?} {length:?}");
            let announced = upload(digests, length, Metadata::of([("sha256", SHA256)]));
            assert!(announced.digest.is_some() && digests.end(length, true).is_none());
        }
    }
}
