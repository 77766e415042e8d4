//! Conversations and their participants.

use std::collections::BTreeSet;

use async_trait::async_trait;

use super::layered::Rows;
use super::view::View;
use super::{SledStore, keys};
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
                // Whoever has participants exists.
                let exists = !users.is_empty() || tree.get(&keys::conversation(id))?.is_some();
                Ok(exists.then_some(users))
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

fn put(view: &mut View<'_>, id: ConversationId, participants: &BTreeSet<UserId>) -> Result<Put, StoreError> {
    let before: BTreeSet<_> = view.keys(&keys::participants(id), usize::MAX)?.into_iter().collect();
    let after: BTreeSet<_> = participants.iter().map(|user| keys::participant(id, user)).collect();
    before.difference(&after).for_each(|gone| view.mark(gone.clone(), false));
    after.difference(&before).for_each(|new| view.mark(new.clone(), true));
    let existed = view.get(&keys::conversation(id))?.is_some();
    if !existed {
        view.mark(keys::conversation(id), true);
    }
    Ok(if existed { Put::Changed } else { Put::Made })
}

fn user(key: &[u8], conversation: ConversationId) -> Result<UserId, StoreError> {
    keys::user_at_end(key, conversation).ok_or_else(|| StoreError::Damaged("a participant".into()))
}
