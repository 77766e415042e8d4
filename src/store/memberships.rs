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

    /// Conversations that the user is in, in the order of their ids, behind `after`, at most `limit`.
    async fn conversations(
        &self,
        user: &UserId,
        after: Option<ConversationId>,
        limit: usize,
    ) -> Result<Vec<ConversationId>, StoreError>;

    /// Whether the user is a participant; `None` if there is no such conversation.
    async fn is_participant(&self, id: ConversationId, user: &UserId) -> Result<Option<bool>, StoreError>;
}

/// What [`Memberships::put`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// There was no such conversation.
    Made,
    /// There was one.
    Changed,
}
