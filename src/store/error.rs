//! The failures of storage.

use std::io;

use crate::upload::Conflict;

/// A failure of a store. Its text is for the log, never for a client.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The space is used up, down to the reserve. Nothing that was acknowledged is lost.
    #[error("no space left")]
    Full,
    /// The change no longer fits what is stored.
    #[error("conflict: {0}")]
    Conflict(Conflict),
    /// The writer no longer holds the upload: a newer holder took it over.
    #[error("a newer holder has the upload")]
    Fenced,
    /// The stored data cannot be what was written.
    #[error("damaged: {0}")]
    Damaged(String),
    /// The file of a record does not exist any more.
    #[error("missing: {0}")]
    Missing(String),
    /// The bytes can be read once the upload is sealed, and not before.
    #[error("the upload is not sealed")]
    Unsealed,
    /// The store cannot answer now; asking again may help.
    #[error("unavailable: {0}")]
    Unavailable(String),
    /// The operating system reported an error.
    #[error(transparent)]
    Io(io::Error),
}

impl From<Conflict> for StoreError {
    fn from(conflict: Conflict) -> Self {
        match conflict {
            Conflict::Fenced => Self::Fenced,
            conflict => Self::Conflict(conflict),
        }
    }
}

impl From<io::Error> for StoreError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full,
            _ => Self::Io(error),
        }
    }
}
