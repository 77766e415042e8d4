//! Conversations and their participants: the port.

use async_trait::async_trait;

use super::change::{Change, Tx};
use super::fault::Fault;
use super::records::most;
use super::rows;
use super::store::Postgres;
use crate::message::{ConversationId, UserId};
use crate::store::{Memberships, Put, StoreError};

/// Makes a conversation or replaces its participants.
struct Replace<'a> {
    id: ConversationId,
    participants: &'a [UserId],
}

#[async_trait]
impl Change for Replace<'_> {
    type Answer = Put;

    /// The row of the conversation is locked first: of two changes at the same time, the later one sees what
    /// the earlier one wrote, because each of its statements has a snapshot of its own.
    async fn make(&self, tx: &Tx) -> Result<Put, Fault> {
        let id = self.id.as_bytes().as_slice();
        let made = "insert into conversations (id) values ($1) on conflict do nothing";
        let put = if tx.execute(made, &[&id]).await? == 1 { Put::Made } else { Put::Changed };
        tx.row("select 1 from conversations where id = $1 for update", &[&id]).await?;
        let members: Vec<&str> = self.participants.iter().map(UserId::as_str).collect();
        let gone = "delete from participants where conversation = $1 and not member = any($2)";
        tx.execute(gone, &[&id, &members]).await?;
        let new = "insert into participants (conversation, member) select $1, unnest($2::text[])
            on conflict do nothing";
        tx.execute(new, &[&id, &members]).await?;
        Ok(put)
    }
}

#[async_trait]
impl Memberships for Postgres {
    async fn put(&self, id: ConversationId, participants: &[UserId]) -> Result<Put, StoreError> {
        self.change(&Replace { id, participants }).await
    }

    async fn participants(&self, id: ConversationId) -> Result<Option<Vec<UserId>>, StoreError> {
        let sql =
            "select array(select member from participants where conversation = c.id order by member) members
            from conversations c where id = $1";
        let Some(row) = self.row(sql, &[&id.as_bytes().as_slice()]).await? else { return Ok(None) };
        let members: Vec<&str> = rows::column(&row, "members")?;
        let members = members.into_iter().map(str::parse).collect::<Result<_, _>>();
        members.map(Some).map_err(|_| StoreError::Damaged("a participant".into()))
    }

    async fn conversations(
        &self,
        user: &UserId,
        after: Option<ConversationId>,
        limit: usize,
    ) -> Result<Vec<ConversationId>, StoreError> {
        let sql = "select conversation from participants
            where member = $1 and ($2::bytea is null or conversation > $2) order by conversation limit $3";
        let after = after.map(|id| id.as_bytes().to_vec());
        let found = self.query(sql, &[&user.as_str(), &after, &most(limit)]).await?;
        found.iter().map(|row| Ok(ConversationId::from_bytes(rows::twelve(row, "conversation")?))).collect()
    }

    async fn is_participant(&self, id: ConversationId, user: &UserId) -> Result<Option<bool>, StoreError> {
        let sql = "select exists (select from participants where conversation = c.id and member = $2) is_in
            from conversations c where id = $1";
        let found = self.row(sql, &[&id.as_bytes().as_slice(), &user.as_str()]).await?;
        found.map(|row| rows::column(&row, "is_in")).transpose()
    }
}
