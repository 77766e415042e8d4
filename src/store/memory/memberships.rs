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

    async fn conversations(
        &self,
        user: &UserId,
        after: Option<ConversationId>,
        limit: usize,
    ) -> Result<Vec<ConversationId>, StoreError> {
        let tables = self.tables();
        let of_user = tables.participants.iter().filter(|(_, users)| users.contains(user)).map(|(id, _)| *id);
        let mut found: Vec<_> = of_user.filter(|id| after.is_none_or(|after| *id > after)).collect();
        found.sort();
        found.truncate(limit);
        Ok(found)
    }

    async fn is_participant(&self, id: ConversationId, user: &UserId) -> Result<Option<bool>, StoreError> {
        Ok(self.tables().participants.get(&id).map(|users| users.contains(user)))
    }
}
