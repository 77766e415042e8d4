//! Messages and the outbox: the port.

use async_trait::async_trait;

use super::claim::ClaimMessage;
use super::commit::Commit;
use super::records::most;
use super::rows::{self, MESSAGE};
use super::store::Postgres;
use crate::message::{ConversationId, Message, MessageId};
use crate::store::{Claim, Messages, StoreError};
use crate::time::Timestamp;
use crate::upload::{Upload, UploadId};

#[async_trait]
impl Messages for Postgres {
    async fn claim(&self, upload: UploadId, now: Timestamp) -> Result<Claim, StoreError> {
        self.change(&ClaimMessage { store: self, id: upload, now }).await
    }

    async fn commit(&self, message: &Message, now: Timestamp) -> Result<(), StoreError> {
        self.change(&Commit { message, now }).await
    }

    async fn find(&self, id: MessageId) -> Result<Option<Message>, StoreError> {
        let sql = format!("select {MESSAGE} from messages m where id = $1");
        self.row(&sql, &[&id.as_bytes().as_slice()]).await?.map(|row| rows::message(&row)).transpose()
    }

    async fn of_client(&self, upload: &Upload) -> Result<Option<Message>, StoreError> {
        let Some(binding) = &upload.binding else { return Ok(None) };
        let Some(client) = &binding.client_message_id else { return Ok(None) };
        let sql = format!(
            "select {MESSAGE} from client_ids c join messages m on m.id = c.message_id
             where c.sender = $1 and c.conversation = $2 and c.client_message_id = $3"
        );
        let conversation = binding.conversation_id.as_bytes().as_slice();
        let found = self.row(&sql, &[&upload.owner.as_str(), &conversation, &client.as_str()]).await?;
        found.map(|row| rows::message(&row)).transpose()
    }

    async fn page(
        &self,
        conversation: ConversationId,
        before: Option<MessageId>,
        limit: usize,
    ) -> Result<Vec<Message>, StoreError> {
        let sql = format!(
            "select {MESSAGE} from messages m where conversation = $1 and ($2::bytea is null or position <
                 coalesce((select position from messages where id = $2 and conversation = $1), $2))
             order by position desc limit $3"
        );
        let before = before.map(|id| id.as_bytes().to_vec());
        let conversation = conversation.as_bytes().as_slice();
        let found = self.query(&sql, &[&conversation, &before, &most(limit)]).await?;
        found.iter().map(rows::message).collect()
    }

    async fn newer(
        &self,
        conversation: ConversationId,
        after: MessageId,
        before: Option<MessageId>,
        limit: usize,
    ) -> Result<Vec<Message>, StoreError> {
        let sql = format!(
            "select {MESSAGE} from messages m where conversation = $1
                 and position > coalesce((select position from messages where id = $2 and conversation = $1), $2)
                 and ($3::bytea is null or position <
                     coalesce((select position from messages where id = $3 and conversation = $1), $3))
             order by position limit $4"
        );
        let before = before.map(|id| id.as_bytes().to_vec());
        let (conversation, after) = (conversation.as_bytes().as_slice(), after.as_bytes().as_slice());
        let found = self.query(&sql, &[&conversation, &after, &before, &most(limit)]).await?;
        found.iter().map(rows::message).collect()
    }

    async fn outbox(
        &self,
        committed_before: Timestamp,
        after: Option<MessageId>,
        limit: usize,
    ) -> Result<Vec<Message>, StoreError> {
        let sql = format!(
            "select {MESSAGE} from (select message_id from outbox
                 where committed_at < $1 and ($2::bytea is null or message_id > $2)
                 order by message_id limit $3) o
             join messages m on m.id = o.message_id order by m.position"
        );
        let after = after.map(|id| id.as_bytes().to_vec());
        let found = self.query(&sql, &[&rows::time(committed_before), &after, &most(limit)]).await?;
        found.iter().map(rows::message).collect()
    }

    async fn published(&self, ids: &[MessageId]) -> Result<(), StoreError> {
        let ids: Vec<&[u8]> = ids.iter().map(|id| id.as_bytes().as_slice()).collect();
        if self.is_alone {
            return self.query("delete from outbox where message_id = any($1)", &[&ids]).await.map(drop);
        }
        // In one statement, so that a process that missed the announcement finds the message in either table.
        let sql = "with gone as (delete from outbox where message_id = any($1) returning message_id)
            insert into announced (message_id, at) select message_id, now() from gone on conflict do nothing";
        self.query(sql, &[&ids]).await.map(drop)
    }

    async fn is_unpublished(&self, id: MessageId) -> Result<bool, StoreError> {
        let sql = "select 1 from outbox where message_id = $1";
        Ok(self.row(sql, &[&id.as_bytes().as_slice()]).await?.is_some())
    }
}
