//! Entering: a holder begins to write bytes. From then on no holder of an older epoch does, and bytes that
//! the ledger does not know are gone.
//!
//! ```text
//! ledger's end   what was kept              what stays
//! 12             parts 0..5, 5..10, tail    the parts, the tail up to 12
//! 7              parts 0..5, 5..10          the part 0..5, the tail from 5 to 7: a part that was made ahead of the
//!                                           ledger leaves the tail that it was made of
//! ```

use std::time::Duration;

use async_trait::async_trait;

use super::garbage;
use super::objects::Shared;
use super::stored::{STORED, Stored};
use crate::store::StoreError;
use crate::store::postgres::change::{Change, Tx};
use crate::store::postgres::fault::Fault;
use crate::store::postgres::rows;
use crate::time::Timestamp;
use crate::upload::{Epoch, UploadId};

/// The record of the upload `$1` in the epoch `$2`, which does not end meanwhile.
pub(super) const RECORD: &str =
    "r as materialized (select 1 from uploads where id = $1 and epoch = $2 for key share)";

/// Whether a holder in the epoch `$2` may make the row of bytes of the upload `$1`: the record is in that
/// epoch, or there is none yet, as with an upload in one piece. A holder that was
/// displaced makes none, even if the upload has ended since.
pub(super) fn may_begin(record: &str) -> String {
    let first = Epoch::FIRST.number();
    format!(
        "case when $2::bigint = {first}
             then not exists (select 1 from uploads where id = $1 and epoch <> $2)
             else exists (select 1 from {record}) end"
    )
}

/// A holder that begins to write at an offset.
#[derive(Debug, Clone)]
pub(super) struct Enter {
    pub(super) id: UploadId,
    pub(super) epoch: Epoch,
    pub(super) offset: u64,
    /// The key and the size of parts, if there is nothing yet.
    pub(super) key: String,
    pub(super) part_size: u64,
}

impl Shared {
    /// Enters; answers what is there from then on.
    pub(super) async fn enter(&self, enter: &Enter) -> Result<Stored, StoreError> {
        self.store.change(enter).await
    }
}

#[async_trait]
impl Change for Enter {
    type Answer = Stored;

    async fn make(&self, tx: &Tx) -> Result<Stored, Fault> {
        let sql = format!("select {STORED} from stored s where upload = $1 for update");
        let Some(row) = tx.row(&sql, &[&self.id.uuid()]).await? else { return self.insert(tx).await };
        let stored = Stored::of(&row)?;
        if (stored.sealed.is_some() || stored.epoch > self.epoch) && self.is_new(tx).await? {
            garbage::throw_away(tx, self.id).await?;
            return self.insert(tx).await;
        }
        if stored.sealed.is_some() {
            return Err(StoreError::Unavailable(format!("upload {} is sealed", self.id)).into());
        }
        if stored.epoch > self.epoch {
            return Err(StoreError::Fenced.into());
        }
        if stored.kept < self.offset {
            return Err(self.damaged(stored.kept).into());
        }
        let parts = if stored.kept > self.offset { self.cut(tx, &stored).await? } else { stored.parts };
        self.update(tx, parts).await?;
        Ok(Stored { epoch: self.epoch, parts, kept: self.offset, ..stored })
    }
}

impl Enter {
    fn damaged(&self, kept: u64) -> StoreError {
        StoreError::Damaged(format!("{} has {kept} bytes, and its ledger {}", self.id, self.offset))
    }

    /// Whether the record is that of an upload which has no byte and no newer holder. Then what is sealed, or
    /// was entered later, is what a kill left of an earlier upload with the same id.
    async fn is_new(&self, tx: &Tx) -> Result<bool, Fault> {
        let sql = format!(
            "select 1 from uploads where id = $1 and epoch = $2 and off = 0 and state = {}",
            rows::state::RECEIVING
        );
        Ok(tx.row(&sql, &[&self.id.uuid(), &self.epoch.number().cast_signed()]).await?.is_some())
    }

    async fn insert(&self, tx: &Tx) -> Result<Stored, Fault> {
        if self.offset > 0 {
            return Err(self.damaged(0).into());
        }
        let sql = format!(
            "with {RECORD} insert into stored (upload, epoch, object_key, part_size, written_at)
             select $1::uuid, $2::bigint, $3, $4::bigint, $5::bigint where {}",
            may_begin("r")
        );
        let (epoch, size) = (self.epoch.number().cast_signed(), self.part_size.cast_signed());
        let now = rows::time(Timestamp::now());
        let inserted = tx.execute(&sql, &[&self.id.uuid(), &epoch, &self.key, &size, &now]).await?;
        if inserted == 0 {
            return Err(StoreError::Fenced.into());
        }
        Ok(Stored {
            epoch: self.epoch,
            key: self.key.clone(),
            multipart: None,
            part_size: self.part_size,
            parts: 0,
            kept: 0,
            sealed: None,
            age: Duration::ZERO,
        })
    }

    async fn update(&self, tx: &Tx, parts: u64) -> Result<(), Fault> {
        let sql = "update stored set epoch = $2, parts = $3, kept = $4, written_at = $5 where upload = $1
            and not exists (select 1 from uploads where id = $1 and epoch <> $2)";
        let epoch = self.epoch.number().cast_signed();
        let parts = i32::try_from(parts).unwrap_or(i32::MAX);
        let now = rows::time(Timestamp::now());
        let entered =
            tx.execute(sql, &[&self.id.uuid(), &epoch, &parts, &self.offset.cast_signed(), &now]).await?;
        if entered == 1 { Ok(()) } else { Err(StoreError::Fenced.into()) }
    }

    /// Cuts off what is beyond the offset; answers how many parts stay.
    async fn cut(&self, tx: &Tx, stored: &Stored) -> Result<u64, Fault> {
        let (id, offset) = (self.id.uuid(), self.offset.cast_signed());
        let parts = stored.parts.min(self.offset / stored.part_size);
        let first = i32::try_from(parts).unwrap_or(i32::MAX);
        tx.execute("delete from upload_parts where upload = $1 and idx >= $2", &[&id, &first]).await?;
        tx.execute("delete from upload_tail where upload = $1 and off >= $2", &[&id, &offset]).await?;
        let sql = "update upload_tail set bytes = substring(bytes from 1 for ($2 - off)::int)
            where upload = $1 and off < $2 and off + length(bytes) > $2";
        tx.execute(sql, &[&id, &offset]).await?;
        let begin = parts * stored.part_size;
        let sql = "select coalesce(sum(length(bytes)), 0)::bigint left_over from upload_tail
            where upload = $1 and off >= $2";
        let row = tx.row(sql, &[&id, &begin.cast_signed()]).await?;
        let left = row.map(|row| rows::column::<i64>(&row, "left_over")).transpose()?.unwrap_or(0);
        if begin + left.cast_unsigned() != self.offset {
            return Err(self.damaged(begin + left.cast_unsigned()).into());
        }
        Ok(parts)
    }
}
