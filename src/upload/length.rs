//! The length of an upload.

use serde::{Deserialize, Serialize};

/// The length of the whole upload in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Length {
    /// The length is declared, for good.
    Known(u64),
    /// The length is declared by a later request (`Upload-Defer-Length: 1`).
    Deferred,
}

impl Length {
    /// The length, once it is declared.
    pub fn known(self) -> Option<u64> {
        match self {
            Self::Known(length) => Some(length),
            Self::Deferred => None,
        }
    }

    /// Whether an upload with this many bytes is complete.
    pub fn is_reached_at(self, offset: u64) -> bool {
        self == Self::Known(offset)
    }
}
