//! The identity of an upload.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::{Builder, Uuid, Version};

use crate::time::Timestamp;

/// An upload's id: a UUID, written as 32 lower-case hexadecimal digits, which is the last part of the
/// upload's URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct UploadId(Uuid);

/// The text is not an upload id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an upload id")]
pub struct InvalidUploadId;

impl UploadId {
    /// A new id that cannot be guessed. It begins with the time, as UUIDs of version 7 do, so that the rows
    /// of new uploads are stored close together.
    pub fn new(now: Timestamp) -> Self {
        let [_, _, _, _, _, _, random @ ..] = Uuid::new_v4().into_bytes();
        Self(Builder::from_unix_timestamp_millis(now.millis(), &random).into_uuid())
    }

    /// A new id without a time.
    #[cfg(any(test, feature = "contract"))]
    pub fn random() -> Self {
        Self(Uuid::new_v4())
    }

    /// The id with these bytes.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }

    /// The id's bytes.
    pub fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// Whether the id was made by [`UploadId::new`]. The id of a final upload follows from its parts instead.
    pub fn begins_with_time(&self) -> bool {
        self.0.get_version() == Some(Version::SortRand)
    }

    /// The id as a UUID.
    pub fn uuid(self) -> Uuid {
        self.0
    }
}

impl From<Uuid> for UploadId {
    fn from(uuid: Uuid) -> Self {
        Self(uuid)
    }
}

impl FromStr for UploadId {
    type Err = InvalidUploadId;

    /// Only the canonical form is an id, so that one upload has one URL and no id is a path.
    fn from_str(text: &str) -> Result<Self, InvalidUploadId> {
        let canonical = text.len() == 32 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if !canonical {
            return Err(InvalidUploadId);
        }
        Uuid::try_parse(text).map(Self).map_err(|_| InvalidUploadId)
    }
}

impl fmt::Display for UploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.simple().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_of_one_time_lie_together() {
        let of = |millis| UploadId::new(Timestamp::from_millis(millis));
        let before = of(1_700_000_000_000);
        let [one, other] = [(); 2].map(|()| of(1_700_000_000_001));
        let after = of(1_700_000_000_256);
        assert!(before < one && before < other && one < after && other < after);
        assert_ne!(one, other);
        assert_eq!(one.uuid().get_version(), Some(Version::SortRand));
        assert!(one.begins_with_time() && !UploadId::random().begins_with_time());
        assert!(!UploadId::from(Uuid::new_v8([7; 16])).begins_with_time());
        assert_eq!(one.uuid().get_variant(), uuid::Variant::RFC4122);
    }

    #[test]
    fn only_the_canonical_form_is_an_id() {
        let id = UploadId::random();
        assert_eq!(id.to_string().parse(), Ok(id));
        let text = id.to_string();
        for wrong in ["", "..", "../../etc/passwd", &text.to_uppercase(), &text[1..], &format!("{text}0")] {
            let is_same = wrong == text;
            assert!(is_same || wrong.parse::<UploadId>().is_err(), "{wrong}");
        }
        assert!(id.uuid().hyphenated().to_string().parse::<UploadId>().is_err());
    }
}
