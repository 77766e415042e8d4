//! Rows that come from another store, into tables that no process serves yet. What is there already stays, so
//! a page of them may come again after a kill.

use async_trait::async_trait;
use futures_util::future::try_join_all;
use uuid::Uuid;

use super::accounts;
use super::audit::PATIENCE;
use super::change::{Change, Tx};
use super::fault::Fault;
use super::rows;
use super::store::Postgres;
use super::uploads;
use crate::store::StoreError;
use crate::store::kept::{KeptClientId, KeptClock, KeptConversation, KeptMessage, KeptUpload};
use crate::upload::{UploadId, Weight};

/// How far a move into this database is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moving {
    /// From the records with this fingerprint, and half done.
    Half([u8; 32]),
    /// Done, from the records with this fingerprint.
    Done([u8; 32]),
}

/// The reason why nothing can be moved into this database.
#[derive(Debug, thiserror::Error)]
pub enum MoveRefusal {
    /// Something is in it that did not come by this move.
    #[error("the database is not empty")]
    NotEmpty,
    /// A server uses it.
    #[error("a server uses the database, or was killed within the last half minute: stop all of them first")]
    Served,
    /// The database cannot be asked.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Postgres {
    /// How far a move into this database is, if there is or was one.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn moving(&self) -> Result<Option<Moving>, StoreError> {
        let Some(row) = self.row("select folder, is_done from moved_from", &[]).await? else {
            return Ok(None);
        };
        let fingerprint = <[u8; 32]>::try_from(rows::column::<&[u8]>(&row, "folder")?)
            .map_err(|_| StoreError::Damaged("the fingerprint of a moved folder".into()))?;
        let is_done = rows::column(&row, "is_done")?;
        Ok(Some(if is_done { Moving::Done(fingerprint) } else { Moving::Half(fingerprint) }))
    }

    /// Notes that a move into this database begins, from the records with this fingerprint. From then on no
    /// server serves it, until the move is done.
    ///
    /// # Errors
    /// [`MoveRefusal`] if something else is in it, or a server uses it.
    pub async fn begin_move(&self, fingerprint: [u8; 32]) -> Result<(), MoveRefusal> {
        if self.is_served().await? {
            return Err(MoveRefusal::Served);
        }
        if self.moving().await? == Some(Moving::Half(fingerprint)) {
            return Ok(());
        }
        // In the statement that looks: nothing comes in between.
        let sql = "insert into moved_from (folder) select $1 where not (
            exists (select from uploads) or exists (select from messages) or exists (select from client_ids)
            or exists (select from conversations) or exists (select from stored)
            or exists (select from files) or exists (select from folder) or exists (select from moved_from))
            returning 1";
        self.row(sql, &[&fingerprint.as_slice()]).await?.ok_or(MoveRefusal::NotEmpty)?;
        // A server that starts looks for the move after it has told of itself: one of the two sees the other.
        if self.is_served().await? {
            self.query("delete from moved_from", &[]).await?;
            return Err(MoveRefusal::Served);
        }
        Ok(())
    }

    /// Whether a server may use the database. One that is slow or stopped counts for longer than among
    /// servers, which can take from it what it holds.
    async fn is_served(&self) -> Result<bool, StoreError> {
        let sql = "select from nodes where beat > clock_timestamp() - interval '30 seconds' limit 1";
        Ok(self.row(sql, &[]).await?.is_some())
    }

    /// Notes that the move is done.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn end_move(&self) -> Result<(), StoreError> {
        self.query("update moved_from set is_done = true", &[]).await.map(drop)
    }

    /// Takes rows over.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn import(&self, page: &Page) -> Result<(), StoreError> {
        self.change(page).await
    }
}

/// How many rows there are of each kind, and how many bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Conversations.
    pub conversations: u64,
    /// Participants of them.
    pub participants: u64,
    /// Messages.
    pub messages: u64,
    /// Messages that are to be announced.
    pub unpublished: u64,
    /// The bytes of the files of messages.
    pub file_bytes: u128,
    /// Uploads, in any state.
    pub uploads: u64,
    /// The bytes of uploads that are no message's.
    pub part_bytes: u128,
    /// Holders of `client_message_id`s.
    pub client_ids: u64,
}

impl Postgres {
    /// Counts what there is.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn tally(&self) -> Result<Counts, StoreError> {
        let sql = "select (select count(*) from conversations) conversations,
            (select count(*) from participants) participants, (select count(*) from messages) messages,
            (select count(*) from outbox) unpublished, (select count(*) from uploads) uploads,
            (select count(*) from client_ids) client_ids,
            (select coalesce(sum(length), 0)::text from files) file_bytes,
            (select coalesce(sum(kept), 0)::text from stored) part_bytes";
        let row = self.connections().query_within(PATIENCE, sql, &[]).await?.pop();
        let row = row.ok_or_else(|| StoreError::Damaged("a count without a row".into()))?;
        let count = |name| Ok::<_, StoreError>(rows::column::<i64>(&row, name)?.cast_unsigned());
        Ok(Counts {
            conversations: count("conversations")?,
            participants: count("participants")?,
            messages: count("messages")?,
            unpublished: count("unpublished")?,
            file_bytes: rows::text(&row, "file_bytes")?,
            uploads: count("uploads")?,
            part_bytes: rows::text(&row, "part_bytes")?,
            client_ids: count("client_ids")?,
        })
    }
}

/// Rows of one kind.
#[derive(Debug)]
pub enum Page {
    /// Conversations and their participants.
    Conversations(Vec<KeptConversation>),
    /// Clocks of conversations.
    Clocks(Vec<KeptClock>),
    /// Holders of `client_message_id`s.
    ClientIds(Vec<KeptClientId>),
    /// Messages, whose files are there.
    Messages(Vec<KeptMessage>),
    /// Uploads, whose bytes are there.
    Uploads(Vec<KeptUpload>),
}

#[async_trait]
impl Change for Page {
    type Answer = ();

    async fn make(&self, tx: &Tx) -> Result<(), Fault> {
        match self {
            Self::Conversations(page) => try_join_all(page.iter().map(|row| conversation(tx, row))).await,
            Self::Clocks(page) => try_join_all(page.iter().map(|row| clock(tx, row))).await,
            Self::ClientIds(page) => try_join_all(page.iter().map(|row| client_id(tx, row))).await,
            Self::Messages(page) => try_join_all(page.iter().map(|row| message(tx, row))).await,
            Self::Uploads(page) => return all_uploads(tx, page).await,
        }
        .map(drop)
    }
}

async fn conversation(tx: &Tx, row: &KeptConversation) -> Result<(), Fault> {
    let sql = "with c as (insert into conversations (id) values ($1) on conflict do nothing)
        insert into participants (conversation, member) select $1, member from unnest($2::text[]) m(member)
        on conflict do nothing";
    let members: Vec<&str> = row.participants.iter().map(|member| member.as_str()).collect();
    tx.execute(sql, &[&row.id.as_bytes().as_slice(), &members]).await.map(drop)
}

async fn clock(tx: &Tx, row: &KeptClock) -> Result<(), Fault> {
    let sql = "insert into clocks (conversation, latest_id, latest_at, position) values ($1, $2, $3, $4)
        on conflict do nothing";
    let position = row.position.as_ref().map(|position| position.0.as_bytes().as_slice());
    let (id, at) = (row.latest.id.as_bytes().as_slice(), rows::time(row.latest.at));
    tx.execute(sql, &[&row.conversation.as_bytes().as_slice(), &id, &at, &position]).await.map(drop)
}

async fn client_id(tx: &Tx, row: &KeptClientId) -> Result<(), Fault> {
    let sql = "insert into client_ids (sender, conversation, client_message_id, upload, message_id)
        values ($1, $2, $3, $4, $5) on conflict do nothing";
    let (sender, conversation) = (row.sender.as_str(), row.conversation.as_bytes().as_slice());
    let message = row.message.as_ref().map(|id| id.as_bytes().as_slice());
    tx.execute(sql, &[&sender, &conversation, &row.id.as_str(), &row.upload.uuid(), &message]).await.map(drop)
}

async fn message(tx: &Tx, row: &KeptMessage) -> Result<(), Fault> {
    let KeptMessage { message, position, is_unpublished } = row;
    let sql = "with m as (insert into messages (id, conversation, position, sender, upload, body)
            values ($1, $2, $3, $4, $5, $6) on conflict do nothing returning id)
        insert into outbox (message_id, committed_at) select id, $7 from m where $8";
    let (id, conversation) =
        (message.id.as_bytes().as_slice(), message.conversation_id.as_bytes().as_slice());
    let (position, sender) = (position.0.as_bytes().as_slice(), message.sender.as_str());
    let (body, at) = (rows::body(message), rows::time(message.created_at));
    #[rustfmt::skip]
    let inserted = tx.execute(sql, &[
        &id, &conversation, &position, &sender, &message.upload_id, &body, &at, is_unpublished,
    ])
    .await;
    inserted.map(drop)
}

/// Inserts the uploads that are not there, and adds them to the sums of their owners.
async fn all_uploads(tx: &Tx, page: &[KeptUpload]) -> Result<(), Fault> {
    let ids: Vec<Uuid> = page.iter().map(|row| row.upload.id.uuid()).collect();
    let there = tx.query("select id from uploads where id = any($1)", &[&ids]).await?;
    let there: Vec<UploadId> = rows::ids(&there)?;
    let new: Vec<_> = page.iter().filter(|row| !there.contains(&row.upload.id)).collect();
    try_join_all(new.iter().map(|row| uploads::insert(tx, &row.upload))).await?;
    let used: Vec<Uuid> = new.iter().filter(|row| row.is_used).map(|row| row.upload.id.uuid()).collect();
    tx.execute("update uploads set is_used = true where id = any($1)", &[&used]).await?;
    for row in new.iter().filter(|row| !row.is_used) {
        accounts::reweigh(tx, &row.upload.owner, [Weight::NONE, row.upload.weight()]).await?;
    }
    Ok(())
}
