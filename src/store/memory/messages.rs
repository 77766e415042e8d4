//! Messages and the outbox.

use std::ops::Bound;
use std::time::Duration;

use async_trait::async_trait;

use super::{Memory, Tables};
use crate::message::{ConversationId, Message, MessageId};
use crate::store::{Claim, Messages, Position, Recent, StoreError};
use crate::time::Timestamp;
use crate::upload::{State, Upload, UploadId};

#[async_trait]
impl Messages for Memory {
    async fn claim(&self, id: UploadId, now: Timestamp) -> Result<Claim, StoreError> {
        self.tables().claim(id, now)
    }

    async fn commit(&self, message: &Message, now: Timestamp) -> Result<(), StoreError> {
        let mut tables = self.tables();
        let upload = tables.upload(message.upload_id.into())?;
        let Some(committed) = upload.clone().commit(message.id, now)? else { return Ok(()) };
        *upload = committed;
        let last = tables.ordered(message.conversation_id).pop().map(|(position, _)| position);
        tables.order.insert((message.conversation_id, Position::of(message.id, last)), message.id);
        tables.messages.insert(message.id, message.clone());
        tables.outbox.insert(message.id, now);
        Ok(())
    }

    async fn find(&self, id: MessageId) -> Result<Option<Message>, StoreError> {
        Ok(self.tables().messages.get(&id).cloned())
    }

    async fn of_client(&self, upload: &Upload) -> Result<Option<Message>, StoreError> {
        let tables = self.tables();
        let message = tables.claims.holder(upload).and_then(|holder| holder.message);
        Ok(message.and_then(|id| tables.messages.get(&id)).cloned())
    }

    async fn page(
        &self,
        conversation: ConversationId,
        before: Option<MessageId>,
        limit: usize,
    ) -> Result<Vec<Message>, StoreError> {
        let tables = self.tables();
        let older = tables.ordered(conversation).into_iter().rev();
        let end = before.map(|id| tables.position(conversation, id));
        let older = older.filter(|(position, _)| end.is_none_or(|end| *position < end));
        Ok(older.take(limit).map(|(_, message)| message).collect())
    }

    async fn newer(
        &self,
        conversation: ConversationId,
        after: MessageId,
        before: Option<MessageId>,
        limit: usize,
    ) -> Result<Vec<Message>, StoreError> {
        let tables = self.tables();
        let start = tables.position(conversation, after);
        let end = before.map(|id| tables.position(conversation, id));
        let newer = tables.ordered(conversation).into_iter();
        let newer = newer.filter(|(position, _)| *position > start && end.is_none_or(|end| *position < end));
        Ok(newer.take(limit).map(|(_, message)| message).collect())
    }

    async fn outbox(
        &self,
        committed_before: Timestamp,
        after: Option<MessageId>,
        limit: usize,
    ) -> Result<Vec<Message>, StoreError> {
        let tables = self.tables();
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let waiting = tables.outbox.range((start, Bound::Unbounded));
        let waiting = waiting.filter(|(_, committed_at)| **committed_at < committed_before);
        let waiting = waiting.take(limit).filter_map(|(id, _)| tables.messages.get(id));
        let mut waiting: Vec<Message> = waiting.cloned().collect();
        waiting.sort_by_key(|message| tables.position(message.conversation_id, message.id));
        Ok(waiting)
    }

    async fn published(&self, ids: &[MessageId]) -> Result<(), StoreError> {
        let mut tables = self.tables();
        let Tables { outbox, announced, .. } = &mut *tables;
        announced.extend(ids.iter().filter(|id| outbox.remove(*id).is_some()));
        Ok(())
    }

    async fn is_unpublished(&self, id: MessageId) -> Result<bool, StoreError> {
        Ok(self.tables().outbox.contains_key(&id))
    }
}

/// Everything that was ever announced.
#[async_trait]
impl Recent for Memory {
    async fn announced_within(&self, _: Duration) -> Result<Option<Vec<MessageId>>, StoreError> {
        let tables = self.tables();
        let mut ids: Vec<_> = tables.outbox.keys().chain(&tables.announced).copied().collect();
        ids.sort_by_key(|id| {
            tables.messages.get(id).map(|message| tables.position(message.conversation_id, *id))
        });
        Ok(Some(ids))
    }
}

impl Tables {
    /// The messages of a conversation, oldest first.
    fn ordered(&self, conversation: ConversationId) -> Vec<(Position, Message)> {
        let of_it = self.order.iter().filter(|((of, _), _)| *of == conversation);
        of_it.filter_map(|((_, position), id)| Some((*position, self.messages.get(id)?.clone()))).collect()
    }

    /// The position of a message in its conversation, or the one that a message with this id would have.
    fn position(&self, conversation: ConversationId, id: MessageId) -> Position {
        let mut ordered = self.ordered(conversation).into_iter();
        ordered.find(|(_, message)| message.id == id).map_or(Position(id), |(position, _)| position)
    }

    pub(super) fn claim(&mut self, id: UploadId, now: Timestamp) -> Result<Claim, StoreError> {
        let upload = self.upload(id)?.clone();
        if let State::Finalizing(stamp) = upload.state {
            return Ok(Claim::Finalizing(stamp));
        }
        let conversation = upload.claimable()?.conversation_id;
        if let Some(holder) = self.claims.holder(&upload)
            && let Some(message) = holder.message
        {
            return Ok(Claim::Taken { message, upload: holder.upload });
        }
        let latest = self.latest.get(&conversation).copied();
        let Self { ids, messages, .. } = self;
        let stamp = ids.stamp(now, latest, |id| Ok::<_, StoreError>(messages.contains_key(&id)))?;
        self.latest.insert(conversation, stamp);
        self.claims.claim(&upload, stamp.id);
        *self.upload(id)? = upload.claim(stamp)?;
        Ok(Claim::Finalizing(stamp))
    }
}
