//! Why something is given no room.

use crate::store::StoreError;

/// What stands against more bytes.
#[derive(Debug)]
pub enum Refusal {
    /// The disk has no room for them now.
    NoRoom,
    /// The user has as many unfinished uploads as a user may have, which are so many.
    TooManyUnfinished(u64),
    /// The user's unfinished uploads would come to more bytes than a user may reserve, which are so many.
    TooMuchReserved(u64),
    /// As for [`Refusal::TooMuchReserved`], but the upload may go on when others of its user are finished.
    NoMoreBytes(u64),
    /// The disk could not be asked.
    Store(StoreError),
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
