//! The failures of sled, as errors of the ports.

use std::io;

use crate::store::StoreError;

/// A failure of sled as an error of the store.
pub(crate) fn of(error: sled::Error) -> StoreError {
    match error {
        sled::Error::Io(error) => error.into(),
        sled::Error::Corruption { at, .. } => {
            StoreError::Damaged(format!("sled cannot read its log at {at:?}"))
        }
        sled::Error::CollectionNotFound(_) | sled::Error::Unsupported(_) | sled::Error::ReportableBug(_) => {
            StoreError::Unavailable(error.to_string())
        }
    }
}

/// A copy of a failure, for each caller that waits for a group.
pub(crate) fn copy(error: &StoreError) -> StoreError {
    match error {
        StoreError::Full => StoreError::Full,
        StoreError::Fenced => StoreError::Fenced,
        StoreError::Unsealed => StoreError::Unsealed,
        StoreError::Conflict(why) => StoreError::Conflict(*why),
        StoreError::Damaged(what) => StoreError::Damaged(what.clone()),
        StoreError::Missing(what) => StoreError::Missing(what.clone()),
        StoreError::Unavailable(what) => StoreError::Unavailable(what.clone()),
        StoreError::Io(error) => StoreError::Io(io::Error::new(error.kind(), error.to_string())),
    }
}

/// A panic's message.
pub(crate) fn of_panic(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic".to_owned())
}
