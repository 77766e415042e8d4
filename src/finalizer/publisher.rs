//! Publishing from the outbox: at least once, oldest first.
//!
//! What the process before this one left unannounced is told to nobody but those who are there, and to its clients
//! as they come back ([`Announcements::leave`](crate::store::Announcements::leave)). It stays in the outbox as long
//! as they are waited for: a kill meanwhile leaves it to the next process.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::time::Duration;

use super::Finalizer;
use crate::crash;
use crate::message::{ConversationId, Message, MessageId, UserId};
use crate::metrics;
use crate::store::{Announcement, StoreError};

/// So many messages are read from the outbox at once.
const BATCH: usize = 64;
/// How often the outbox is looked at by those who wait for it to be empty.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// The members of conversations, who are looked up once for a batch.
type Members = HashMap<ConversationId, Vec<UserId>>;

impl Finalizer {
    /// Finds what the process before this one left: messages that nobody was told of, and uploads whose messages
    /// are still to be made. Before anybody may connect.
    ///
    /// # Errors
    /// [`StoreError`] if the records cannot be read.
    pub async fn find_left(&self) -> Result<(), StoreError> {
        let mut members = Members::new();
        for message in self.stores.messages.outbox(None, super::left::MOST).await? {
            self.leave(&message, &mut members).await?;
        }
        for upload in self.stores.records.owed(None, super::left::MOST).await? {
            self.left.owe(upload);
        }
        Ok(())
    }

    /// Waits for no client any more: what was left counts as announced.
    ///
    /// # Errors
    /// [`StoreError`]; it can be done again.
    pub(super) async fn let_go(&self) -> Result<(), StoreError> {
        self.stores.announcements.let_go();
        for ids in self.left.settle().chunks(BATCH) {
            self.clear(ids).await?;
        }
        self.left.forget();
        Ok(())
    }

    /// Announces everything in the outbox that does not wait for clients; answers how many that were.
    pub(super) async fn publish(&self) -> Result<usize, StoreError> {
        let (mut count, mut after) = (0, None);
        loop {
            let batch = self.stores.messages.outbox(after, BATCH).await?;
            after = batch.iter().map(|message| message.id).max();
            if after.is_none() {
                return Ok(count);
            }
            self.teller.flush().await;
            let (mut ids, mut members) = (Vec::new(), Members::new());
            for message in batch.into_iter().filter(|message| !self.left.holds(message.id)) {
                if self.left.is_owed(&message) && self.leave(&message, &mut members).await? {
                    continue;
                }
                ids.push(message.id);
                self.announce(message, &mut members).await?;
            }
            self.clear(&ids).await?;
            count += ids.len();
        }
    }

    /// Waits until everything in the outbox that does not wait for clients is announced, for those who are about to
    /// lose their connection.
    pub async fn everybody_told(&self) {
        self.published.notify_one();
        while let Ok(owed) = self.stores.messages.outbox(None, BATCH).await
            && owed.iter().any(|message| !self.left.holds(message.id))
        {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Takes what was announced out of the outbox.
    async fn clear(&self, ids: &[MessageId]) -> Result<(), StoreError> {
        if ids.is_empty() {
            return Ok(());
        }
        crash::point("publish.announced");
        self.stores.messages.published(ids).await?;
        crash::point("publish.cleared");
        metrics::get().messages_published.inc_by(u64::try_from(ids.len()).unwrap_or_default());
        Ok(())
    }

    async fn announce(&self, message: Message, members: &mut Members) -> Result<(), StoreError> {
        let to = self.members(message.conversation_id, members).await?;
        let announcement = Announcement::NewMessage(Box::new(message.clone()));
        self.stores.announcements.announce(to, &announcement).await?;
        self.teller.finished(&message);
        Ok(())
    }

    /// Held once it is handed over: what failed in between is handed over again. Answers whether it is, for which there
    /// may be no room.
    async fn leave(&self, message: &Message, members: &mut Members) -> Result<bool, StoreError> {
        let to = self.members(message.conversation_id, members).await?;
        let is_kept = self.stores.announcements.leave(to, message).await?;
        if is_kept {
            self.left.hold(message.id);
            self.teller.announced(message.id);
        }
        Ok(is_kept)
    }

    async fn members<'a>(
        &self,
        conversation: ConversationId,
        known: &'a mut Members,
    ) -> Result<&'a [UserId], StoreError> {
        Ok(match known.entry(conversation) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => {
                let found = self.stores.memberships.participants(conversation).await?;
                // A conversation that is gone has nobody to tell.
                unknown.insert(found.unwrap_or_default())
            }
        })
    }
}
