//! Publishing from the outbox: at least once, oldest first.

use super::Finalizer;
use crate::crash;
use crate::message::Message;
use crate::metrics;
use crate::store::{Announcement, StoreError};

/// So many messages are read from the outbox at once.
const BATCH: usize = 64;

impl Finalizer {
    /// Announces everything in the outbox; answers how many that were.
    pub(super) async fn publish(&self) -> Result<usize, StoreError> {
        let mut count = 0;
        loop {
            let batch = self.stores.messages.outbox(None, BATCH).await?;
            if batch.is_empty() {
                return Ok(count);
            }
            for message in &batch {
                self.announce(message).await?;
            }
            crash::point("publish.announced");
            for cleared in
                futures_util::future::join_all(batch.iter().map(|m| self.stores.messages.published(m.id)))
                    .await
            {
                cleared?;
            }
            crash::point("publish.cleared");
            count += batch.len();
            metrics::get().messages_published.inc_by(u64::try_from(batch.len()).unwrap_or_default());
        }
    }

    async fn announce(&self, message: &Message) -> Result<(), StoreError> {
        // A conversation that is gone has nobody to tell.
        let members =
            self.stores.memberships.participants(message.conversation_id).await?.unwrap_or_default();
        let announcement = Announcement::NewMessage(Box::new(message.clone()));
        self.stores.announcements.announce(&members, &announcement).await
    }
}
