//! The reasons why an upload is given no room.

use crate::store::StoreError;

/// The reason against more bytes.
#[derive(Debug)]
pub enum Refusal {
    /// The disk has no room for the bytes now.
    NoRoom,
    /// The user's unfinished uploads hold the most bytes; the upload may continue when others are finished.
    NoMoreBytes(u64),
    /// The disk, or the records, could not be asked.
    Store(StoreError),
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
