//! What is kept outside of the store, with its latest changes in the journal as volatile rows.

use super::key::Key;
use super::layered::Layered;
use crate::store::StoreError;

/// The other side of volatile rows. Everything here blocks.
pub(crate) trait Outside: Send + Sync {
    /// Makes durable by itself what the volatile rows of these keys stand for; then the journal forgets them.
    ///
    /// # Errors
    /// With [`StoreError::Unavailable`] nothing is different from before, and it may be asked again. After
    /// any other it is unknown what is durable.
    fn settle(&self, keys: &[&Key]) -> Result<(), StoreError>;

    /// Does once more what the volatile rows of the journal stand for, since a power cut may have undone it.
    /// Before anything is flushed, and so before the journal forgets any.
    ///
    /// # Errors
    /// The start fails with it.
    fn restore(&self, rows: &Layered<'_>) -> Result<(), StoreError>;
}
