//! Publishing from the outbox: at least once, oldest first. The process that commits a message announces it
//! at once. What it leaves, because it ends, is announced by the process that has the duty.
//!
//! A message that the previous process left unannounced is told only to connected users, and to its clients
//! as they come back ([`Announcements::leave`](crate::store::Announcements::leave)). It stays in the outbox
//! as long as they are waited for: a kill meanwhile leaves it to the next process.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::Finalizer;
use crate::crash;
use crate::message::{ConversationId, Message, MessageId, UserId};
use crate::metrics;
use crate::store::{Addressed, Announcement, Duty, StoreError};
use crate::time::Timestamp;

/// How many messages are read from the outbox at once.
const BATCH: usize = 64;
/// The time after its commit from which a message counts as left by the process that committed it.
const LEFT_SECS: u64 = 3;
/// How often a caller that waits for announcements looks whether they are made.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// The members of conversations, looked up once for a batch.
type Members = HashMap<ConversationId, Vec<UserId>>;

/// The time before which a message was committed that is left.
fn left_before() -> Timestamp {
    Timestamp::now().minus_secs(LEFT_SECS)
}

impl Finalizer {
    /// Finds what the previous process left: messages that were not announced, and uploads whose messages are
    /// still to be made. Called before any client may connect.
    ///
    /// # Errors
    /// [`StoreError`] if the records cannot be read.
    pub async fn find_left(&self) -> Result<(), StoreError> {
        if !self.stores.duties.is_mine(Duty::Publish).await? {
            return Ok(());
        }
        let mut members = Members::new();
        for message in self.stores.messages.outbox(left_before(), None, super::left::MOST).await? {
            self.leave(&message, &mut members).await?;
        }
        for upload in self.stores.records.owed(None, super::left::MOST).await? {
            self.left.owe(upload);
        }
        Ok(())
    }

    /// Ends the waiting for clients: messages that were left count as announced.
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

    /// Announces the messages that this process has committed, and with them all others of their
    /// conversations in the outbox. A client that is told of a message asks only for newer ones, so it would
    /// never see an older one that another process has not announced yet.
    pub(super) async fn publish_own(&self) -> Result<(), StoreError> {
        let own = self.committed.waiting();
        if own.is_empty() {
            return Ok(());
        }
        let conversations: HashSet<_> = own.values().copied().collect();
        let is_due = |message: &Message| conversations.contains(&message.conversation_id);
        self.publish(Timestamp::MAX, is_due).await?;
        self.committed.forget(&own);
        Ok(())
    }

    /// Announces the messages that this process has committed, and, as a duty, those that were left.
    pub(super) async fn publish_all(&self) -> Result<(), StoreError> {
        self.publish_own().await?;
        if self.stores.duties.is_mine(Duty::Publish).await? {
            self.publish(left_before(), |_| true).await?;
        }
        Ok(())
    }

    /// Announces all due messages in the outbox that are not kept for clients.
    async fn publish(
        &self,
        committed_before: Timestamp,
        is_due: impl Fn(&Message) -> bool,
    ) -> Result<(), StoreError> {
        let mut after = None;
        loop {
            let mut batch = self.stores.messages.outbox(committed_before, after, BATCH).await?;
            after = batch.iter().map(|message| message.id).max();
            if after.is_none() {
                return Ok(());
            }
            self.teller.flush().await;
            let (mut due, mut members) = (Vec::new(), Members::new());
            batch.retain(|message| is_due(message) && !self.left.holds(message.id));
            for message in batch {
                if self.left.is_owed(&message) && self.leave(&message, &mut members).await? {
                    continue;
                }
                due.push(message);
            }
            self.announce(&due, &mut members).await?;
            let ids: Vec<_> = due.iter().map(|message| message.id).collect();
            self.clear(&ids).await?;
        }
    }

    /// Waits until all messages that this process has committed are announced, before users lose their
    /// connections.
    pub async fn everybody_told(&self) {
        while !self.committed.is_empty() {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Takes announced messages out of the outbox.
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

    async fn announce(&self, messages: &[Message], members: &mut Members) -> Result<(), StoreError> {
        let mut all = Vec::new();
        for message in messages {
            let to = self.members(message.conversation_id, members).await?.to_vec();
            all.push(Addressed { to, announcement: Announcement::NewMessage(Box::new(message.clone())) });
        }
        self.stores.announcements.announce_all(&all).await?;
        messages.iter().for_each(|message| self.teller.finished(message));
        Ok(())
    }

    /// Hands over a message that was left, and then notes that it is kept: if that fails in between, it is
    /// handed over again. Answers whether it is kept, as there may be no room for it.
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
                // A conversation that is gone has no members to tell.
                unknown.insert(found.unwrap_or_default())
            }
        })
    }
}
