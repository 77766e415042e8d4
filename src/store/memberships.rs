//! The port of memberships: which users are in which conversation.

use async_trait::async_trait;

use super::error::StoreError;
use crate::message::{ConversationId, UserId};

/// Conversations and their participants.
#[async_trait]
pub trait Memberships: Send + Sync + 'static {
    /// Makes a conversation or replaces its participants, in one step.
    async fn put(&self, id: ConversationId, participants: &[UserId]) -> Result<Put, StoreError>;

    /// The participants; `None` if there is no such conversation.
    async fn participants(&self, id: ConversationId) -> Result<Option<Vec<UserId>>, StoreError>;

    /// The user's conversations with ids above `after`, in the order of their ids, at most `limit`.
    async fn conversations(
        &self,
        user: &UserId,
        after: Option<ConversationId>,
        limit: usize,
    ) -> Result<Vec<ConversationId>, StoreError>;

    /// Whether the user is a participant; `None` if there is no such conversation.
    async fn is_participant(&self, id: ConversationId, user: &UserId) -> Result<Option<bool>, StoreError>;
}

/// The outcome of [`Memberships::put`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// The conversation was made.
    Made,
    /// The conversation existed, and its participants were replaced.
    Changed,
}
