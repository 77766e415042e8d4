//! How long an upload will be.

use serde::{Deserialize, Serialize};

/// The length of the whole upload in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Length {
    /// Declared, for good.
    Known(u64),
    /// To be declared with a later request (`Upload-Defer-Length: 1`).
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

    /// Whether an upload with so many bytes is whole.
    pub fn is_reached_at(self, offset: u64) -> bool {
        self == Self::Known(offset)
    }
}
