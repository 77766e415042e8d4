//! What is to go from the object store. A row of it is written in the statement after which no other row
//! needs it.
//!
//! A collector has a row for itself for a while. A kill leaves the row to the next collector, to which "not
//! found" means done. Each row is done twice: a put that was under way may land after the first time.

use std::time::Duration;

use async_trait::async_trait;
use tokio::time::timeout;
use tokio_postgres::Row;

use super::objects::{Objects, Shared};
use super::stored::lock;
use crate::crash;
use crate::message::MessageId;
use crate::store::StoreError;
use crate::store::postgres::change::{Change, Tx};
use crate::store::postgres::fault::Fault;
use crate::store::postgres::rows::{self, state};
use crate::upload::UploadId;

/// How long a row is one process's.
const TURN: Duration = Duration::from_secs(300);
/// How long the object store may take for one row, before the others are left for later.
const PATIENCE: Duration = Duration::from_secs(60);

impl Objects {
    /// Frees what is due in the object store, at most this many; answers how many that was. Any number of
    /// processes may do so at the same time.
    ///
    /// # Errors
    /// [`StoreError`]; what is not freed is due again later.
    pub async fn collect(&self, limit: usize) -> Result<usize, StoreError> {
        let shared = &self.0;
        let sql = "update garbage set due = clock_timestamp() + $1 * interval '1 second',
                rounds = greatest(rounds, 0)
            where n in (
                select n from garbage where due <= clock_timestamp() order by due limit $2
                for update skip locked
            )
            returning n, object_key, multipart_id, has_object, rounds";
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let found = shared.store.query(sql, &[&TURN.as_secs_f64(), &limit]).await?;
        let mut outcome = Ok(found.len());
        for row in &found {
            // One that cannot be freed keeps no other; a store that does not answer keeps them all.
            match timeout(PATIENCE, shared.free(row)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => outcome = Err(error),
                Err(_) => return Err(StoreError::Unavailable("the object store does not answer".into())),
            }
        }
        outcome
    }

    /// Looks how much of the database the tails take. What is freed there is used again, and not given back,
    /// so that this tells of their highest level.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn measure(&self) -> Result<(), StoreError> {
        let shared = &self.0;
        let sql = "select pg_total_relation_size('upload_tail') as bytes";
        let row = shared.store.row(sql, &[]).await?;
        let bytes: i64 = row.map_or(Ok(0), |row| rows::column(&row, "bytes"))?;
        shared.presence.tails_are_full(bytes.cast_unsigned() > shared.limits.tails);
        Ok(())
    }
}

impl Shared {
    async fn free(&self, row: &Row) -> Result<(), StoreError> {
        let (n, rounds): (i64, i32) = (rows::column(row, "n")?, rows::column(row, "rounds")?);
        let key: String = rows::column(row, "object_key")?;
        if let Some(multipart) = rows::column::<Option<String>>(row, "multipart_id")? {
            self.bucket.abort(&key, &multipart).await?;
        }
        if rows::column(row, "has_object")? {
            self.bucket.delete(&key).await?;
        }
        crash::point("garbage.freed");
        self.collected(n, rounds).await
    }

    /// Notes that a row was done, for the first time or the last.
    async fn collected(&self, n: i64, rounds: i32) -> Result<(), StoreError> {
        if rounds > 0 {
            self.store.query("delete from garbage where n = $1", &[&n]).await?;
            crash::point("garbage.collected");
            return Ok(());
        }
        let sql = "update garbage set rounds = rounds + 1, due = clock_timestamp() + $2 * interval '1 second'
            where n = $1";
        let later = (self.limits.part_timeout + self.limits.margin).as_secs_f64();
        self.store.query(sql, &[&n, &later]).await.map(drop)
    }

    /// Makes the bytes of a complete upload garbage, unless they are the file of this message; answers
    /// whether they are not.
    pub(super) async fn give_up_all(&self, id: UploadId, message: MessageId) -> Result<bool, StoreError> {
        let is_given_up = self.store.change(&GiveUp { id, message }).await;
        self.missed.forget(id);
        is_given_up
    }

    /// Makes the bytes of an upload that are not placed garbage.
    pub(super) async fn discard_all(&self, id: UploadId) -> Result<(), StoreError> {
        self.store.change(&Discard { id }).await
    }
}

/// The end of an upload's bytes, unless a record needs them: one that was created again with the same id may,
/// and its holder cuts off what there was before.
struct Discard {
    id: UploadId,
}

#[async_trait]
impl Change for Discard {
    type Answer = ();

    async fn make(&self, tx: &Tx) -> Result<(), Fault> {
        lock(tx, self.id).await?;
        let sql = format!(
            "select 1 from uploads where id = $1 and state in ({}, {}, {})",
            state::RECEIVING,
            state::COMPLETE,
            state::FINALIZING
        );
        if tx.row(&sql, &[&self.id.uuid()]).await?.is_some() { Ok(()) } else { throw_away(tx, self.id).await }
    }
}

/// The end of bytes that cannot be placed. To place them takes their row, so it comes before this or never.
struct GiveUp {
    id: UploadId,
    message: MessageId,
}

#[async_trait]
impl Change for GiveUp {
    type Answer = bool;

    async fn make(&self, tx: &Tx) -> Result<bool, Fault> {
        lock(tx, self.id).await?;
        let sql = "select 1 from files where message = $1";
        if tx.row(sql, &[&self.message.as_bytes().as_slice()]).await?.is_some() {
            return Ok(false);
        }
        throw_away(tx, self.id).await?;
        Ok(true)
    }
}

/// Makes all bytes of an upload garbage, whose row is locked.
pub(super) async fn throw_away(tx: &Tx, id: UploadId) -> Result<(), Fault> {
    let sql = "with s as (delete from stored where upload = $1 returning object_key, multipart_id),
        t as (delete from upload_tail where upload = $1),
        p as (delete from upload_parts where upload = $1),
        i as (delete from upload_intents where upload = $1)
        insert into garbage (object_key, multipart_id, has_object) select object_key, multipart_id, true from s";
    tx.execute(sql, &[&id.uuid()]).await.map(drop)
}
