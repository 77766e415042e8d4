//! The row of an upload's bytes.

use std::time::Duration;

use async_trait::async_trait;
use tokio_postgres::Row;

use super::objects::Shared;
use crate::store::StoreError;
use crate::store::postgres::borrowed::Params;
use crate::store::postgres::change::{Change, Tx};
use crate::store::postgres::fault::Fault;
use crate::store::postgres::rows;
use crate::upload::{Epoch, UploadId};

/// The columns of the row.
pub(super) const STORED: &str =
    "s.epoch, s.object_key, s.multipart_id, s.part_size, s.parts, s.kept, s.sealed_length,
     coalesce(extract(epoch from clock_timestamp() - s.begun_at), 0)::float8 as age_secs";

/// The bytes of an upload, as their row says.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub(super) epoch: Epoch,
    pub(super) key: String,
    pub(super) multipart: Option<String>,
    pub(super) part_size: u64,
    /// How many parts there are, all of one size.
    pub(super) parts: u64,
    /// The offset before which bytes are durable.
    pub(super) kept: u64,
    pub(super) sealed: Option<u64>,
    /// How long ago the object of parts was begun, by the clock of the database.
    pub(super) age: Duration,
}

impl Stored {
    pub(super) fn of(row: &Row) -> Result<Self, StoreError> {
        let sealed: Option<i64> = rows::column(row, "sealed_length")?;
        let parts: i32 = rows::column(row, "parts")?;
        Ok(Self {
            epoch: rows::epoch(row)?,
            key: rows::column(row, "object_key")?,
            multipart: rows::column(row, "multipart_id")?,
            part_size: unsigned(row, "part_size")?,
            parts: u64::try_from(parts).unwrap_or(0),
            kept: unsigned(row, "kept")?,
            sealed: sealed.map(i64::cast_unsigned),
            age: Duration::try_from_secs_f64(rows::column(row, "age_secs")?).unwrap_or_default(),
        })
    }

    /// The offset at which the parts end.
    pub(super) fn parts_end(&self) -> u64 {
        self.parts * self.part_size
    }
}

impl Shared {
    /// What there is of an upload, and the size that its parts have, or will have.
    pub(super) async fn look(&self, id: UploadId) -> Result<(Option<Stored>, u64), StoreError> {
        let sql = format!(
            "select u.length, s.upload, {STORED} from (select $1::uuid id) i
             left join uploads u on u.id = i.id left join stored s on s.upload = i.id"
        );
        let Some(row) = self.store.row(&sql, &[&id.uuid()]).await? else { return Ok((None, 0)) };
        let length: Option<i64> = rows::column(&row, "length")?;
        let is_there = rows::column::<Option<uuid::Uuid>>(&row, "upload")?.is_some();
        let stored = if is_there { Some(Stored::of(&row)?) } else { None };
        let new = self.limits.part_size(length.map(i64::cast_unsigned));
        let size = stored.as_ref().map_or(new, |stored| stored.part_size);
        Ok((stored, size))
    }
}

/// A statement about the bytes of an upload, under the lock on their row.
struct Locked<'a> {
    id: UploadId,
    sql: &'a str,
    params: Params<'a>,
}

#[async_trait]
impl Change for Locked<'_> {
    type Answer = Option<Row>;

    async fn make(&self, tx: &Tx) -> Result<Option<Row>, Fault> {
        lock(tx, self.id).await?;
        tx.row(self.sql, self.params).await
    }
}

impl Shared {
    /// The row that a statement about the bytes of an upload answers. It sees all that was written under
    /// earlier locks: the snapshot of a statement that waits for the lock itself would be older.
    pub(super) async fn row_under_lock(
        &self,
        id: UploadId,
        sql: &str,
        params: Params<'_>,
    ) -> Result<Option<Row>, StoreError> {
        self.store.change(&Locked { id, sql, params }).await
    }
}

/// Locks the row of an upload's bytes.
pub(super) async fn lock(tx: &Tx, id: UploadId) -> Result<(), Fault> {
    tx.row("select 1 from stored where upload = $1 for update", &[&id.uuid()]).await.map(drop)
}

/// A length or an offset in a column.
pub(super) fn unsigned(row: &Row, name: &str) -> Result<u64, StoreError> {
    Ok(rows::column::<i64>(row, name)?.cast_unsigned())
}
