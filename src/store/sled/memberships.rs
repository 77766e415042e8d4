//! Conversations and their participants.

use std::collections::BTreeSet;

use async_trait::async_trait;

use super::engine::layered::Rows;
use super::engine::view::View;
use super::store::SledStore;
use super::tables::keys;
use crate::message::{ConversationId, UserId};
use crate::store::{Memberships, Put, StoreError};

#[async_trait]
impl Memberships for SledStore {
    async fn put(&self, id: ConversationId, participants: &[UserId]) -> Result<Put, StoreError> {
        let participants: BTreeSet<_> = participants.iter().cloned().collect();
        self.core.change(move |view| put(view, id, &participants)).await
    }

    async fn participants(&self, id: ConversationId) -> Result<Option<Vec<UserId>>, StoreError> {
        self.core
            .read(|tree| {
                let prefix = keys::participants(id);
                let users = tree.rows(prefix.clone()..keys::end_of(&prefix));
                let users = users.map(|row| user(&row?.0, id)).collect::<Result<Vec<_>, _>>()?;
                // A conversation with participants exists.
                let exists = !users.is_empty() || tree.get(&keys::conversation(id))?.is_some();
                Ok(exists.then_some(users))
            })
            .await
    }

    async fn conversations(
        &self,
        user: &UserId,
        after: Option<ConversationId>,
        limit: usize,
    ) -> Result<Vec<ConversationId>, StoreError> {
        let all = keys::memberships_of(user);
        let start = after.map_or_else(|| all.clone(), |id| keys::after(&keys::membership(user, id)));
        self.core
            .read(|tree| {
                let rows = tree.rows(start.clone()..keys::end_of(&all)).take(limit);
                rows.map(|row| keys::conversation_at_end(&row?.0).ok_or_else(|| damaged("a membership")))
                    .collect()
            })
            .await
    }

    async fn is_participant(&self, id: ConversationId, user: &UserId) -> Result<Option<bool>, StoreError> {
        self.core
            .read(|tree| {
                // A conversation with a participant exists.
                let is_participant = tree.get(&keys::participant(id, user))?.is_some();
                let exists = is_participant || tree.get(&keys::conversation(id))?.is_some();
                Ok(exists.then_some(is_participant))
            })
            .await
    }
}

fn put(view: &mut View<'_>, id: ConversationId, participants: &BTreeSet<UserId>) -> Result<Put, StoreError> {
    let before: BTreeSet<_> = view.keys(&keys::participants(id), usize::MAX)?.into_iter().collect();
    let after: BTreeSet<_> = participants.iter().map(|user| keys::participant(id, user)).collect();
    let changed = before.symmetric_difference(&after).map(|key| (key, after.contains(key)));
    for (key, is_there) in changed {
        view.mark(key.clone(), is_there)?;
        view.mark(keys::membership_of(key).ok_or_else(|| damaged("a participant"))?, is_there)?;
    }
    let existed = view.get(&keys::conversation(id))?.is_some();
    view.mark(keys::conversation(id), true)?;
    Ok(if existed { Put::Changed } else { Put::Made })
}

fn user(key: &[u8], conversation: ConversationId) -> Result<UserId, StoreError> {
    keys::user_at_end(key, conversation).ok_or_else(|| damaged("a participant"))
}

fn damaged(what: &str) -> StoreError {
    StoreError::Damaged(what.into())
}
