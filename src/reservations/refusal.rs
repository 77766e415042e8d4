//! The reasons why an upload is given no room.

use crate::store::StoreError;

/// The reason against more bytes.
#[derive(Debug)]
pub enum Refusal {
    /// The disk has no room for the bytes now.
    NoRoom,
    /// The user has the most unfinished uploads that a user may have, this many.
    TooManyUnfinished(u64),
    /// The user's unfinished uploads would come to more bytes than the number that a user may reserve.
    TooMuchReserved(u64),
    /// The user's unfinished uploads hold the most bytes; the upload may continue when others are finished.
    NoMoreBytes(u64),
    /// The disk could not be asked.
    Store(StoreError),
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
