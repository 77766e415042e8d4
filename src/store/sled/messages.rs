//! Messages and the outbox.

use super::engine::layered::Rows;
use super::engine::view::View;
use super::store::SledStore;
use super::tables::rows;
use super::tables::uploads::Unwritten;
use super::tables::{carried, claims, keys, order, uploads};
use crate::message::{ConversationId, Message, MessageId, Stamp};
use crate::store::{Claim, Messages, StoreError};
use crate::time::Timestamp;
use crate::upload::{Binding, State, Upload, UploadId};
use async_trait::async_trait;

#[async_trait]
impl Messages for SledStore {
    async fn claim(&self, upload: UploadId, now: Timestamp) -> Result<Claim, StoreError> {
        self.core.change(move |view| claim(view, upload, now)).await
    }

    async fn commit(&self, message: &Message, now: Timestamp) -> Result<(), StoreError> {
        let message = message.clone();
        let carries = self.carries;
        self.change_with_ledger(message.upload_id.into(), move |view| {
            if carries {
                carried::place(view, &message);
            }
            commit(view, message, now)
        })
        .await
    }

    async fn find(&self, id: MessageId) -> Result<Option<Message>, StoreError> {
        self.core.read(|tree| find(tree, id)).await
    }

    async fn of_client(&self, upload: &Upload) -> Result<Option<Message>, StoreError> {
        self.core
            .read(|tree| match claims::holder(tree, upload)?.and_then(|holder| holder.message) {
                Some(id) => find(tree, id),
                None => Ok(None),
            })
            .await
    }

    async fn page(
        &self,
        conversation: ConversationId,
        before: Option<MessageId>,
        limit: usize,
    ) -> Result<Vec<Message>, StoreError> {
        self.core
            .read(|tree| {
                let ids = order::page(tree, conversation, before, limit)?;
                ids.into_iter().map(|id| existing(tree, id)).collect()
            })
            .await
    }

    async fn newer(
        &self,
        conversation: ConversationId,
        after: MessageId,
        before: Option<MessageId>,
        limit: usize,
    ) -> Result<Vec<Message>, StoreError> {
        self.core
            .read(|tree| {
                let ids = order::newer(tree, conversation, after, before, limit)?;
                ids.into_iter().map(|id| existing(tree, id)).collect()
            })
            .await
    }

    async fn outbox(
        &self,
        _: Timestamp,
        after: Option<MessageId>,
        limit: usize,
    ) -> Result<Vec<Message>, StoreError> {
        let start = after.map_or_else(keys::every_outbox, |id| keys::after(&keys::outbox(id)));
        self.core
            .read(|tree| {
                let rows = tree.rows(start.clone()..keys::end_of(&keys::every_outbox())).take(limit);
                let messages = rows.map(|row| {
                    let message = indexed(tree, &row?.0)?;
                    Ok((order::position(tree, message.id)?, message))
                });
                let mut messages: Vec<_> = messages.collect::<Result<_, StoreError>>()?;
                messages.sort_by_key(|(position, _)| *position);
                Ok(messages.into_iter().map(|(_, message)| message).collect())
            })
            .await
    }

    async fn published(&self, ids: &[MessageId]) -> Result<(), StoreError> {
        let keys: Vec<_> = ids.iter().map(|id| keys::outbox(*id)).collect();
        self.core.change(move |view| keys.into_iter().try_for_each(|key| view.mark(key, false))).await
    }

    async fn is_unpublished(&self, id: MessageId) -> Result<bool, StoreError> {
        self.core.read(|tree| Ok(tree.get(&keys::outbox(id))?.is_some())).await
    }
}

fn claim(view: &mut View<'_>, id: UploadId, now: Timestamp) -> Result<Claim, StoreError> {
    let stored = uploads::existing(view, id)?;
    let upload = &stored.upload;
    if let State::Finalizing(stamp) = upload.state {
        return Ok(Claim::Finalizing(stamp));
    }
    let claim = allocate(view, upload, upload.claimable()?, now)?;
    if let Claim::Finalizing(stamp) = claim {
        let next = upload.clone().claim(stamp)?;
        uploads::update(view, stored, next)?;
    }
    Ok(claim)
}

/// Claims a message for a complete upload, unless its `client_message_id` has one already.
pub(super) fn allocate(
    view: &mut View<'_>,
    upload: &Upload,
    binding: &Binding,
    now: Timestamp,
) -> Result<Claim, StoreError> {
    if let Some(holder) = claims::holder(view, upload)?
        && let Some(message) = holder.message
    {
        return Ok(Claim::Taken { message, upload: holder.upload });
    }
    let stamp = stamp(view, binding.conversation_id, now)?;
    claims::claim(view, upload, stamp.id)?;
    Ok(Claim::Finalizing(stamp))
}

/// The conversation's next stamp.
fn stamp(view: &mut View<'_>, conversation: ConversationId, now: Timestamp) -> Result<Stamp, StoreError> {
    let key = keys::latest(conversation);
    let latest = view.get(&key)?.map(|row| rows::decode("latest", &row)).transpose()?;
    let stamp = view.stamp(now, latest, keys::message)?;
    view.put(key, rows::encode(&stamp))?;
    Ok(stamp)
}

fn commit(view: &mut View<'_>, message: Message, now: Timestamp) -> Result<(), Unwritten> {
    let stored = uploads::existing(view, message.upload_id.into())?;
    let Some(next) = stored.upload.clone().commit(message.id, now)? else { return Ok(()) };
    uploads::update(view, stored, next)?;
    order::append(view, message.conversation_id, message.id)?;
    view.mark(keys::outbox(message.id), true)?;
    Ok(insert(view, message)?)
}

/// Writes content and record apart, because each can be large.
fn insert(view: &mut View<'_>, mut message: Message) -> Result<(), StoreError> {
    if let Some(content) = message.content.take() {
        view.put(keys::content(message.id), content.as_bytes())?;
    }
    view.put(keys::message(message.id), rows::encode(&message))
}

pub(super) fn find(tree: &impl Rows, id: MessageId) -> Result<Option<Message>, StoreError> {
    let Some(row) = tree.get(&keys::message(id))? else {
        return Ok(None);
    };
    let message: Message = rows::decode("message", &row)?;
    let content = tree
        .get(&keys::content(id))?
        .map(|content| String::from_utf8(content.to_vec()))
        .transpose()
        .map_err(|_| StoreError::Damaged("content of a message".into()))?;
    Ok(Some(Message { content, ..message }))
}

/// The message that an index's key ends with.
fn indexed(tree: &impl Rows, key: &[u8]) -> Result<Message, StoreError> {
    existing(
        tree,
        keys::message_at_end(key).ok_or_else(|| StoreError::Damaged("an index of messages".into()))?,
    )
}

/// The message with this id, which is indexed.
fn existing(tree: &impl Rows, id: MessageId) -> Result<Message, StoreError> {
    find(tree, id)?.ok_or_else(|| StoreError::Damaged(format!("{id} is indexed and gone")))
}
