//! Publishing from the outbox: at least once, oldest first.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::Finalizer;
use crate::crash;
use crate::message::{ConversationId, Message, UserId};
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
            let ids: Vec<_> = batch.iter().map(|message| message.id).collect();
            let mut members = HashMap::new();
            for message in batch {
                self.announce(message, &mut members).await?;
            }
            crash::point("publish.announced");
            self.stores.messages.published(&ids).await?;
            crash::point("publish.cleared");
            count += ids.len();
            metrics::get().messages_published.inc_by(u64::try_from(ids.len()).unwrap_or_default());
        }
    }

    /// Announces a message to the members of its conversation, who are looked up once for a batch.
    async fn announce(
        &self,
        message: Message,
        members: &mut HashMap<ConversationId, Vec<UserId>>,
    ) -> Result<(), StoreError> {
        let to = match members.entry(message.conversation_id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => {
                let found = self.stores.memberships.participants(message.conversation_id).await?;
                // A conversation that is gone has nobody to tell.
                unknown.insert(found.unwrap_or_default())
            }
        };
        self.stores.announcements.announce(to, &Announcement::NewMessage(Box::new(message))).await
    }
}
