//! The port of messages: claim, commit, read, publish.

use async_trait::async_trait;

use super::error::StoreError;
use crate::message::{ConversationId, Message, MessageId, Stamp};
use crate::time::Timestamp;
use crate::upload::{Upload, UploadId};

/// Messages, their order in conversations, and the outbox of those that are not announced yet.
#[async_trait]
pub trait Messages: Send + Sync + 'static {
    /// Claims the message of a complete, bound upload: allocates its stamp, moves the upload to
    /// [`Finalizing`](crate::upload::State::Finalizing) and takes its `client_message_id`, in one step. For
    /// an upload that is finalizing, the answer is its stamp again. Within a conversation, stamps only grow.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the upload is gone, unbound, or in another state.
    async fn claim(&self, upload: UploadId, now: Timestamp) -> Result<Claim, StoreError>;

    /// Commits a message, as one atomic change: writes it, its place in the conversation and its place in the
    /// outbox, and moves the upload to [`Committed`](crate::upload::State::Committed), at this time and with
    /// its ledger dropped. An upload that is committed with this message stays as it is.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the upload is gone or not finalizing this message.
    async fn commit(&self, message: &Message, now: Timestamp) -> Result<(), StoreError>;

    /// The message with this id.
    async fn find(&self, id: MessageId) -> Result<Option<Message>, StoreError>;

    /// The message of the upload's `client_message_id`, whichever upload became it.
    async fn of_client(&self, upload: &Upload) -> Result<Option<Message>, StoreError>;

    /// Messages of a conversation older than `before`, newest first, at most `limit`. Their order is that of
    /// their [`Position`]s: a message committed later is newer, though it may have been claimed earlier. So a
    /// client that knows one message of a conversation knows where all those come that it has not seen.
    async fn page(
        &self,
        conversation: ConversationId,
        before: Option<MessageId>,
        limit: usize,
    ) -> Result<Vec<Message>, StoreError>;

    /// Messages of a conversation, oldest first, newer than `after` and older than `before`, at most `limit`.
    async fn newer(
        &self,
        conversation: ConversationId,
        after: MessageId,
        before: Option<MessageId>,
        limit: usize,
    ) -> Result<Vec<Message>, StoreError>;

    /// Messages that are committed and not published: those with the lowest ids above `after`, at most
    /// `limit`, in the order of their [`Position`]s. So a client that was told of one was told before of
    /// those that are older in its conversation. A store that several processes share leaves out those that
    /// were not committed before `committed_before`: the process that commits a message announces it.
    async fn outbox(
        &self,
        committed_before: Timestamp,
        after: Option<MessageId>,
        limit: usize,
    ) -> Result<Vec<Message>, StoreError>;

    /// Takes messages out of the outbox. A message that is not in it counts as published.
    async fn published(&self, ids: &[MessageId]) -> Result<(), StoreError>;

    /// Whether a committed message is still in the outbox.
    async fn is_unpublished(&self, id: MessageId) -> Result<bool, StoreError>;
}

/// The position of a message in its conversation: its own id, as a rule. After a message with a higher id
/// that was committed before it, its position is the id that follows the last position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(pub MessageId);

impl Position {
    /// The position of a message that is committed now.
    pub fn of(id: MessageId, last: Option<Self>) -> Self {
        match last {
            Some(Self(last)) if last >= id => Self(last.successor()),
            _ => Self(id),
        }
    }
}

/// The outcome of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// The upload is finalizing under this stamp.
    Finalizing(Stamp),
    /// Another upload has claimed the message of this `client_message_id`.
    Taken {
        /// The message.
        message: MessageId,
        /// The upload that becomes it, or became it.
        upload: UploadId,
    },
}
