//! Conversations and their participants.

use async_trait::async_trait;

use super::Memory;
use crate::message::{ConversationId, UserId};
use crate::store::{Memberships, Put, StoreError};

#[async_trait]
impl Memberships for Memory {
    async fn put(&self, id: ConversationId, participants: &[UserId]) -> Result<Put, StoreError> {
        let participants = participants.iter().cloned().collect();
        let before = self.tables().participants.insert(id, participants);
        Ok(if before.is_some() { Put::Changed } else { Put::Made })
    }

    async fn participants(&self, id: ConversationId) -> Result<Option<Vec<UserId>>, StoreError> {
        let tables = self.tables();
        Ok(tables.participants.get(&id).map(|users| users.iter().cloned().collect()))
    }

    async fn is_participant(&self, id: ConversationId, user: &UserId) -> Result<Option<bool>, StoreError> {
        Ok(self.tables().participants.get(&id).map(|users| users.contains(user)))
    }
}
