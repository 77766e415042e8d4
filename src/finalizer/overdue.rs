//! How late the oldest owed work is, for operators: both ages are 0 nearly always, and one that grows shows
//! work that cannot be done.

use std::time::Duration;

use super::Finalizer;
use crate::store::StoreError;
use crate::time::Timestamp;

/// The most owed uploads that are looked at. They are found in the order of their creation, and the one that
/// has waited longest may be a younger one.
const LOOKED_AT: usize = 64;

/// The ages of the oldest owed work, zero where there is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Overdue {
    /// The time since the last byte of a complete upload that has no message.
    pub message: Duration,
    /// The time since the claim of a message that is not announced.
    pub announcement: Duration,
}

impl Finalizer {
    /// The ages of the oldest owed work now.
    ///
    /// # Errors
    /// [`StoreError`] if the records cannot be read.
    pub async fn overdue(&self, now: Timestamp) -> Result<Overdue, StoreError> {
        let mut overdue = Overdue::default();
        for id in self.stores.records.owed(None, LOOKED_AT).await? {
            // A final upload whose parts are still being sent is not late.
            if let Some(upload) = self.stores.records.find(id).await?.filter(|upload| upload.is_owed()) {
                overdue.message = overdue.message.max(now.since(upload.active_at));
            }
        }
        let oldest = self.stores.messages.outbox(Timestamp::MAX, None, 1).await?;
        overdue.announcement =
            oldest.first().map(|message| now.since(message.created_at)).unwrap_or_default();
        Ok(overdue)
    }
}
