//! Data outside of the store, whose latest changes are in the journal as volatile rows.

use super::key::Key;
use super::layered::Layered;
use crate::store::StoreError;

/// The port to what volatile rows stand for. Everything here blocks.
pub(crate) trait Outside: Send + Sync {
    /// Makes durable, by itself, what the volatile rows of these keys stand for; then the journal forgets
    /// them.
    ///
    /// # Errors
    /// After [`StoreError::Unavailable`] nothing has changed, and the call may be repeated. After any other
    /// error it is unknown what is durable.
    fn settle(&self, keys: &[&Key]) -> Result<(), StoreError>;

    /// Does once more what the volatile rows of the journal stand for, because a power cut may have undone
    /// it. Called before anything is flushed, and so before the journal forgets any row.
    ///
    /// # Errors
    /// An error, with which the start fails.
    fn restore(&self, rows: &Layered<'_>) -> Result<(), StoreError>;
}
