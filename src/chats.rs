//! Use cases of conversations: who is in them, what was said, and the media.

use std::ops::Range;
use std::sync::Arc;

use crate::message::{ConversationId, Message, MessageId, UserId};
use crate::store::{ByteStream, Memberships, Messages, Payloads, Put, StoreError};

/// Conversations as their participants see them.
#[derive(Clone)]
pub struct Chats {
    memberships: Arc<dyn Memberships>,
    messages: Arc<dyn Messages>,
    payloads: Arc<dyn Payloads>,
}

/// Why a participant does not get what was asked for.
#[derive(Debug, thiserror::Error)]
pub enum ChatError {
    /// No such conversation.
    #[error("Conversation not found")]
    ConversationNotFound,
    /// The caller is not in it.
    #[error("You are not a participant in this conversation")]
    NotAParticipant,
    /// No such message, or none that the caller may see.
    #[error("Message not found")]
    MessageNotFound,
    /// The storage failed; the text is for the log.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A page of messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Newest first.
    pub messages: Vec<Message>,
    /// The `before` of the next page; `None` at the end.
    pub next: Option<MessageId>,
}

impl Chats {
    /// Over these stores.
    pub fn new(
        memberships: Arc<dyn Memberships>,
        messages: Arc<dyn Messages>,
        payloads: Arc<dyn Payloads>,
    ) -> Self {
        Self { memberships, messages, payloads }
    }

    /// Makes a conversation or replaces its participants.
    pub async fn put(&self, id: ConversationId, participants: &[UserId]) -> Result<Put, ChatError> {
        todo!()
    }

    /// Whether the user may read and write there.
    pub async fn require_participant(&self, user: &UserId, id: ConversationId) -> Result<(), ChatError> {
        todo!()
    }

    /// A message that the user may see.
    pub async fn message(&self, user: &UserId, id: MessageId) -> Result<Message, ChatError> {
        todo!()
    }

    /// Messages older than `before`, newest first.
    pub async fn page(&self, user: &UserId, id: ConversationId, before: Option<MessageId>, limit: usize) -> Result<Page, ChatError> {
        todo!()
    }

    /// Bytes of a message's file.
    pub async fn media(&self, message: &Message, range: Range<u64>) -> Result<ByteStream, ChatError> {
        todo!()
    }
}
