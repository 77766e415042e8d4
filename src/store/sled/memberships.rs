//! Conversations and their participants.

use std::collections::BTreeSet;

use async_trait::async_trait;

use super::engine::layered::Rows;
use super::engine::view::View;
use super::store::SledStore;
use super::tables::keys;
use super::tables::keys::{Key, Table};
use crate::message::{ConversationId, UserId};
use crate::store::{Memberships, Put, StoreError};

/// So many participants are listed at once.
pub(super) const PAGE: usize = 256;

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
                // Whoever has participants exists.
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
                // Whoever has a participant exists.
                let is_participant = tree.get(&keys::participant(id, user))?.is_some();
                let exists = is_participant || tree.get(&keys::conversation(id))?.is_some();
                Ok(exists.then_some(is_participant))
            })
            .await
    }
}

impl SledStore {
    /// Lists the conversations of users in folders from before there was such a list. Before anything is read from it; a
    /// kill meanwhile leaves it to the next start.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn list_memberships(&self) -> Result<(), StoreError> {
        if self.core.read(|tree| Ok(tree.get(&keys::listed())?.is_some())).await? {
            return Ok(());
        }
        let mut start = Table::PARTICIPANT.start();
        loop {
            let page: Vec<Key> = self
                .core
                .read(|tree| {
                    let rows = tree.rows(start.clone()..Table::PARTICIPANT.end()).take(PAGE);
                    rows.map(|row| Ok(row?.0)).collect()
                })
                .await?;
            let Some(last) = page.last() else { break };
            start = keys::after(last);
            self.core.change(move |view| page.iter().try_for_each(|key| list(view, key, true))).await?;
        }
        self.core
            .change(|view| {
                view.mark(keys::listed(), true);
                Ok(())
            })
            .await
    }
}

/// Writes or deletes the row of a participant in the list of the user's conversations.
fn list(view: &mut View<'_>, participant: &[u8], is_there: bool) -> Result<(), StoreError> {
    let key = keys::membership_of(participant).ok_or_else(|| damaged("a participant"))?;
    // Of a folder whose list is not whole yet.
    if view.get(&key)?.is_some() != is_there {
        view.mark(key, is_there);
    }
    Ok(())
}

fn put(view: &mut View<'_>, id: ConversationId, participants: &BTreeSet<UserId>) -> Result<Put, StoreError> {
    let before: BTreeSet<_> = view.keys(&keys::participants(id), usize::MAX)?.into_iter().collect();
    let after: BTreeSet<_> = participants.iter().map(|user| keys::participant(id, user)).collect();
    let changed = before.symmetric_difference(&after).map(|key| (key, after.contains(key)));
    for (key, is_there) in changed {
        view.mark(key.clone(), is_there);
        list(view, key, is_there)?;
    }
    let existed = view.get(&keys::conversation(id))?.is_some();
    if !existed {
        view.mark(keys::conversation(id), true);
    }
    Ok(if existed { Put::Changed } else { Put::Made })
}

fn user(key: &[u8], conversation: ConversationId) -> Result<UserId, StoreError> {
    keys::user_at_end(key, conversation).ok_or_else(|| damaged("a participant"))
}

fn damaged(what: &str) -> StoreError {
    StoreError::Damaged(what.into())
}
