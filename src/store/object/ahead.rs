//! Objects that are put ahead of their record. If all bytes of an upload are in memory when its last row is
//! due, none of them pass the tail, and the row, the claim, the message and its file are one transaction.
//!
//! ```text
//! garbage names a new key ─► the object put ─► row, claim, message and file; the key is garbage no longer
//! PostgreSQL                 object store      PostgreSQL, one transaction
//! ```
//! A kill before the transaction leaves an object that is garbage when its time has come. Each attempt has a
//! key of its own, so that a put which lands late takes the place of nothing. What an attempt cannot do is
//! done by way of the tail.

use std::time::Duration;

use async_trait::async_trait;
use object_store::PutPayload;
use tokio::time::timeout;

use super::writer::Writer;
use crate::crash;
use crate::message::MessageId;
use crate::store::StoreError;
use crate::store::postgres::change::{Along, Tx};
use crate::store::postgres::fault::Fault;
use crate::store::postgres::rows;
use crate::time::Timestamp;
use crate::upload::{Epoch, UploadId};

/// The time after which an object without a record is garbage: much longer than any attempt takes.
const DUE_AFTER: Duration = Duration::from_hours(1);

/// An object without a record.
pub(super) struct Ahead {
    /// The row of garbage that names it.
    garbage: i64,
    id: UploadId,
    epoch: Epoch,
    key: String,
    length: u64,
    part_size: u64,
}

impl Writer {
    /// Puts all bytes before an offset as an object, if they are all in memory. `None` if they are not, or if
    /// the object store does not take them soon.
    pub(super) async fn put_ahead(&self, end: u64) -> Result<Option<Ahead>, StoreError> {
        let is_all = self.is_untouched() && self.buffer.len() == end && self.end == end;
        if !is_all || end == 0 || end > self.part_size || self.shared.presence.is_away() {
            return Ok(None);
        }
        let (id, key) = (self.id, self.shared.bucket.key(self.id));
        let ahead = Ahead {
            garbage: self.name_garbage(&key).await?,
            id,
            epoch: self.epoch,
            key,
            length: end,
            part_size: self.part_size,
        };
        let data = PutPayload::from_iter(self.buffer.range(0..end));
        let put = self.shared.watched(self.shared.bucket.put(&ahead.key, id, data));
        let is_put = timeout(self.shared.limits.patience, put).await.is_ok_and(|outcome| outcome.is_ok());
        if is_put {
            crash::point("object.made");
        }
        Ok(is_put.then_some(ahead))
    }

    /// Names a key that is garbage unless a record needs it in time. The commit need not wait for the disk:
    /// what the database forgets in a crash, the comparison of bucket and rows finds.
    async fn name_garbage(&self, key: &str) -> Result<i64, StoreError> {
        let sql = "insert into garbage (object_key, has_object, due, rounds)
            select $1, true, clock_timestamp() + $2 * interval '1 second', -1
            from (select set_config('synchronous_commit', 'off', true)) s
            returning n";
        let row = self.shared.store.row(sql, &[&key, &DUE_AFTER.as_secs_f64()]).await?;
        rows::column(&row.ok_or_else(|| StoreError::Damaged("an insertion of one row has none".into()))?, "n")
    }
}

/// In the transaction of the last row, or of the record.
#[async_trait]
impl Along for Ahead {
    fn makes_file(&self) -> bool {
        true
    }

    async fn write(&self, tx: &Tx, message: Option<MessageId>) -> Result<(), Fault> {
        let (garbage, id, key) = (self.garbage, self.id.uuid(), &self.key);
        let length = self.length.cast_signed();
        let written = match message {
            Some(message) => {
                let sql = "with g as (delete from garbage where n = $1 and rounds < 0 returning 1)
                    insert into files (message, upload, object_key, length)
                    select $2::bytea, $3::uuid, $4, $5::bigint from g";
                tx.execute(sql, &[&garbage, &message.as_bytes().as_slice(), &id, key, &length]).await?
            }
            None => {
                // Another upload has the message: this one's bytes are compared with its file.
                let sql = "with g as (delete from garbage where n = $1 and rounds < 0 returning 1)
                    insert into stored
                        (upload, epoch, object_key, part_size, kept, sealed_length, written_at)
                    select $2::uuid, $3::bigint, $4, $5::bigint, $6::bigint, $6, $7::bigint from g
                    on conflict do nothing";
                let (epoch, size) = (self.epoch.number().cast_signed(), self.part_size.cast_signed());
                let now = rows::time(Timestamp::now());
                tx.execute(sql, &[&garbage, &id, &epoch, key, &size, &length, &now]).await?
            }
        };
        if written == 1 {
            return Ok(());
        }
        Err(StoreError::Unavailable(format!("the object of {} was thrown away meanwhile", self.id)).into())
    }
}
