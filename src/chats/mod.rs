//! Use cases of conversations: their participants, their messages, and the media.

mod missed;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use crate::message::{ConversationId, Message, MessageId, UserId};
use crate::store::{ByteStream, Memberships, Messages, Payloads, Place, Put, Shown, Source, StoreError};

pub use missed::Missed;

/// Conversations as their participants see them.
#[derive(Clone)]
pub struct Chats {
    memberships: Arc<dyn Memberships>,
    messages: Arc<dyn Messages>,
    payloads: Arc<dyn Payloads>,
}

/// The reason why a participant does not get what was asked for.
#[derive(Debug, thiserror::Error)]
pub enum ChatError {
    /// The conversation does not exist.
    #[error("Conversation not found")]
    ConversationNotFound,
    /// The caller is not in the conversation.
    #[error("You are not a participant in this conversation")]
    NotAParticipant,
    /// The message does not exist, or the caller may not know of it.
    #[error("Message not found")]
    MessageNotFound,
    /// The storage failed; the text is for the log.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A page of messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The messages, newest first.
    pub messages: Vec<Message>,
    /// The start of the next page, its `before` if older or its `after` if newer; `None` at the end.
    pub next: Option<MessageId>,
}

/// The messages of a conversation that are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stretch {
    /// The message that all of them are older than.
    pub before: Option<MessageId>,
    /// The message that all of them are newer than. Pages then go from there to the newest, so that none is
    /// left out.
    pub after: Option<MessageId>,
}

impl Chats {
    /// The use cases over these stores.
    pub fn new(
        memberships: Arc<dyn Memberships>,
        messages: Arc<dyn Messages>,
        payloads: Arc<dyn Payloads>,
    ) -> Self {
        Self { memberships, messages, payloads }
    }

    /// Creates a conversation, or replaces its participants.
    ///
    /// # Errors
    /// [`ChatError::Store`].
    pub async fn put(&self, id: ConversationId, participants: &[UserId]) -> Result<Put, ChatError> {
        Ok(self.memberships.put(id, participants).await?)
    }

    /// Checks that the user may read and write in the conversation.
    ///
    /// # Errors
    /// [`ChatError::ConversationNotFound`], [`ChatError::NotAParticipant`].
    pub async fn require_participant(&self, user: &UserId, id: ConversationId) -> Result<(), ChatError> {
        match self.memberships.is_participant(id, user).await? {
            None => Err(ChatError::ConversationNotFound),
            Some(false) => Err(ChatError::NotAParticipant),
            Some(true) => Ok(()),
        }
    }

    /// A message that the user may see. To any other user it does not exist, so that no user can find out
    /// which ids are those of messages.
    ///
    /// # Errors
    /// [`ChatError::MessageNotFound`].
    pub async fn message(&self, user: &UserId, id: MessageId) -> Result<Message, ChatError> {
        let found = self.messages.find(id).await?;
        // Some conversation is looked up in any case, so that the time taken does not tell whether the
        // message exists.
        let none = ConversationId::from_bytes(*id.as_bytes());
        let conversation = found.as_ref().map_or(none, |message| message.conversation_id);
        let is_participant = self.memberships.is_participant(conversation, user).await? == Some(true);
        found.filter(|_| is_participant).ok_or(ChatError::MessageNotFound)
    }

    /// The message of a valid link. Only members are given a link, and it stands for them.
    ///
    /// # Errors
    /// [`ChatError::MessageNotFound`].
    pub async fn linked_message(&self, id: MessageId) -> Result<Message, ChatError> {
        self.messages.find(id).await?.ok_or(ChatError::MessageNotFound)
    }

    /// Messages of a stretch, at most `limit`: the newest ones, or with `after` the oldest ones.
    ///
    /// # Errors
    /// [`ChatError::ConversationNotFound`], [`ChatError::NotAParticipant`].
    pub async fn page(
        &self,
        user: &UserId,
        id: ConversationId,
        Stretch { before, after }: Stretch,
        limit: usize,
    ) -> Result<Page, ChatError> {
        self.require_participant(user, id).await?;
        if let Some(after) = after {
            return self.newer(id, after, before, limit).await;
        }
        // One message more than asked for shows whether there is a next page.
        let mut messages = self.messages.page(id, before, limit + 1).await?;
        let is_last = messages.len() <= limit;
        messages.truncate(limit);
        let next = if is_last { None } else { messages.last().map(|message| message.id) };
        Ok(Page { messages, next })
    }

    async fn newer(
        &self,
        id: ConversationId,
        after: MessageId,
        before: Option<MessageId>,
        limit: usize,
    ) -> Result<Page, ChatError> {
        let mut messages = self.messages.newer(id, after, before, limit + 1).await?;
        let is_last = messages.len() <= limit;
        messages.truncate(limit);
        let next = if is_last { None } else { messages.last().map(|message| message.id) };
        messages.reverse();
        Ok(Page { messages, next })
    }

    /// Bytes of a message's file.
    ///
    /// # Errors
    /// [`ChatError::Store`].
    pub async fn media(&self, message: &Message, range: Range<u64>) -> Result<ByteStream, ChatError> {
        let place = Place::of(message);
        let source = Source::Placed(place, message.upload_id.into());
        Ok(self.payloads.read(&source, range).await?)
    }

    /// The URL under which a client gets a message's file from the store itself, if the store gives any.
    ///
    /// # Errors
    /// [`ChatError::Store`].
    pub async fn media_at_store(
        &self,
        message: &Message,
        shown: &Shown,
    ) -> Result<Option<String>, ChatError> {
        let source = Source::Placed(Place::of(message), message.upload_id.into());
        Ok(self.payloads.url(&source, shown).await?)
    }
}

impl fmt::Debug for Chats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chats").finish_non_exhaustive()
    }
}
