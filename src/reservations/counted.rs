//! Stores that report every change of unfinished uploads to the reservations, whichever code makes it.

use std::sync::Arc;

use async_trait::async_trait;

use super::Reservations;
use crate::message::{ConversationId, Message, MessageId, UserId};
use crate::store::{Claim, Created, Messages, Records, StoreError, Stores, Taking};
use crate::time::Timestamp;
use crate::upload::{Appended, Binding, Epoch, State, Upload, UploadId};

/// Records and messages that are counted. Every change is reported when it is durable.
pub(super) struct Counted {
    records: Arc<dyn Records>,
    messages: Arc<dyn Messages>,
    reservations: Arc<Reservations>,
}

impl Counted {
    pub(super) fn new(stores: Stores, reservations: Arc<Reservations>) -> Self {
        Self { records: stores.records, messages: stores.messages, reservations }
    }
}

#[async_trait]
impl Records for Counted {
    async fn create_with(
        &self,
        upload: &Upload,
        taking: Taking,
        claim: Option<Timestamp>,
    ) -> Result<Created, StoreError> {
        let created = self.records.create_with(upload, taking, claim).await?;
        if created.is_new() {
            self.reservations.insert(upload, None);
        }
        Ok(created)
    }

    async fn find(&self, id: UploadId) -> Result<Option<Upload>, StoreError> {
        self.records.find(id).await
    }

    async fn holder(&self, upload: &Upload) -> Result<Option<UploadId>, StoreError> {
        self.records.holder(upload).await
    }

    async fn raise(&self, id: UploadId) -> Result<Option<Epoch>, StoreError> {
        self.records.raise(id).await
    }

    async fn append_with(
        &self,
        id: UploadId,
        row: &Appended,
        claim: Option<Timestamp>,
    ) -> Result<State, StoreError> {
        let state = self.records.append_with(id, row, claim).await?;
        self.reservations.grown(id, row.chunk.end(), row.length);
        Ok(state)
    }

    async fn transition(
        &self,
        id: UploadId,
        seen: Epoch,
        from: &State,
        to: &State,
    ) -> Result<(), StoreError> {
        self.records.transition(id, seen, from, to).await?;
        if !to.needs_bytes() {
            self.reservations.forget(id);
        }
        Ok(())
    }

    async fn bind(&self, id: UploadId, binding: &Binding, taking: Taking) -> Result<Created, StoreError> {
        self.records.bind(id, binding, taking).await
    }

    async fn remove(&self, id: UploadId, seen: Epoch) -> Result<(), StoreError> {
        self.records.remove(id, seen).await?;
        self.reservations.forget(id);
        Ok(())
    }

    async fn unfinished(&self, owner: &UserId, limit: usize) -> Result<Vec<Upload>, StoreError> {
        self.records.unfinished(owner, limit).await
    }

    async fn every_unfinished(
        &self,
        after: Option<&Upload>,
        limit: usize,
    ) -> Result<Vec<Upload>, StoreError> {
        self.records.every_unfinished(after, limit).await
    }

    async fn owed(&self, after: Option<UploadId>, limit: usize) -> Result<Vec<UploadId>, StoreError> {
        self.records.owed(after, limit).await
    }

    async fn idle_since(&self, cutoff: Timestamp, limit: usize) -> Result<Vec<UploadId>, StoreError> {
        self.records.idle_since(cutoff, limit).await
    }

    async fn committed_before(&self, cutoff: Timestamp, limit: usize) -> Result<Vec<UploadId>, StoreError> {
        self.records.committed_before(cutoff, limit).await
    }
}

#[async_trait]
impl Messages for Counted {
    async fn claim(&self, upload: UploadId, now: Timestamp) -> Result<Claim, StoreError> {
        self.messages.claim(upload, now).await
    }

    async fn commit(&self, message: &Message, now: Timestamp) -> Result<(), StoreError> {
        self.messages.commit(message, now).await?;
        self.reservations.forget(message.upload_id.into());
        Ok(())
    }

    async fn find(&self, id: MessageId) -> Result<Option<Message>, StoreError> {
        self.messages.find(id).await
    }

    async fn of_client(&self, upload: &Upload) -> Result<Option<Message>, StoreError> {
        self.messages.of_client(upload).await
    }

    async fn page(
        &self,
        conversation: ConversationId,
        before: Option<MessageId>,
        limit: usize,
    ) -> Result<Vec<Message>, StoreError> {
        self.messages.page(conversation, before, limit).await
    }

    async fn newer(
        &self,
        conversation: ConversationId,
        after: MessageId,
        before: Option<MessageId>,
        limit: usize,
    ) -> Result<Vec<Message>, StoreError> {
        self.messages.newer(conversation, after, before, limit).await
    }

    async fn outbox(&self, after: Option<MessageId>, limit: usize) -> Result<Vec<Message>, StoreError> {
        self.messages.outbox(after, limit).await
    }

    async fn published(&self, ids: &[MessageId]) -> Result<(), StoreError> {
        self.messages.published(ids).await
    }

    async fn is_unpublished(&self, id: MessageId) -> Result<bool, StoreError> {
        self.messages.is_unpublished(id).await
    }
}
