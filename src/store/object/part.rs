//! One part on its way to the object store.
//!
//! ```text
//! entered ─► other holders' puts are waited out ─► intent ─► put, by a deadline from before the intent
//! ```
//! A store may take a part long after its sender gave up, and in place of the one that is recorded. So each
//! put is announced, under a lock on the row of the upload: who enters later sees every put that may still
//! land. One with the same bytes does no harm, and clients mostly send the same bytes again. If a store takes
//! longer than the margin, the object is not made at all, as parts are named by their digests.

use std::time::Duration;

use bytes::Bytes;
use object_store::PutPayload;
use tokio::time::{Instant, sleep, timeout_at};

use super::budget::Share;
use super::objects::Shared;
use super::pieces::length;
use super::put::Landing;
use super::signed::Patience;
use crate::crash;
use crate::store::StoreError;
use crate::store::postgres::rows;
use crate::upload::{Epoch, UploadId};

/// How often it is asked whether the puts of others are over.
const ASK_EVERY: Duration = Duration::from_millis(250);

/// A part that is whole.
pub(super) struct Part {
    pub(super) id: UploadId,
    pub(super) epoch: Epoch,
    pub(super) key: String,
    /// The id of the object of parts, once it is begun.
    pub(super) multipart: Landing,
    pub(super) idx: u64,
    /// The bytes of the part that are in the tail, from its first one on.
    pub(super) in_tail: std::ops::Range<u64>,
    pub(super) pieces: Vec<Bytes>,
}

impl Part {
    /// Puts the part; answers what names its bytes.
    pub(super) async fn put(mut self, shared: &Shared) -> Result<String, StoreError> {
        let multipart = self.multipart.clone().await?;
        let idx = self.idx()?;
        let (mut turn, mut data) = self.whole(shared).await?;
        let sum = sum(&data);
        if self.has_to_wait(shared, idx, sum).await? {
            // That may take long, and other uploads need the turn.
            drop((turn, data));
            while self.has_to_wait(shared, idx, sum).await? {
                sleep(ASK_EVERY).await;
            }
            (turn, data) = self.whole(shared).await?;
        }
        self.pieces.clear();
        let deadline = Instant::now() + shared.limits.part_timeout;
        self.intend(shared, idx, sum).await?;
        let at = usize::try_from(self.idx).unwrap_or(usize::MAX);
        let data = PutPayload::from_iter(data);
        let put = shared.watched(shared.bucket.put_part(&self.key, &multipart, at, data));
        let late = || StoreError::Unavailable("the object store takes too long for a part".into());
        let outcome = timeout_at(deadline, put).await.unwrap_or_else(|_| Err(late()));
        drop(turn);
        match outcome {
            Ok(content_id) => {
                crash::point("part.put");
                Ok(content_id)
            }
            Err(error) => Err(self.failed(shared, &multipart, error).await),
        }
    }

    /// Finds out whether the object of parts is gone. A store may say so, or break the connection off before
    /// it has read a part. Where no part is recorded, nothing is lost: another one is begun.
    async fn failed(&self, shared: &Shared, multipart: &str, error: StoreError) -> StoreError {
        let is_gone = match error {
            StoreError::Damaged(_) => true,
            _ => {
                let put = shared.bucket.put_parts(&self.key, multipart, Patience::SHORT).await;
                matches!(put, Ok(None))
            }
        };
        if !is_gone {
            return error;
        }
        match shared.forget(self.id, self.epoch, multipart).await {
            Ok(true) => StoreError::Unavailable(format!("the object of parts of {} is begun anew", self.id)),
            Ok(false) => StoreError::Damaged(format!("the object store has lost the parts of {}", self.id)),
            Err(error) => error,
        }
    }

    fn idx(&self) -> Result<i32, StoreError> {
        i32::try_from(self.idx).map_err(|_| StoreError::Full)
    }

    /// The bytes of the part, with those that the tail has. They are read back after entering, and only in
    /// the own epoch: what was read earlier may not be what is there.
    async fn whole(&self, shared: &Shared) -> Result<(Option<Share>, Vec<Bytes>), StoreError> {
        if self.in_tail.is_empty() {
            return Ok((None, self.pieces.clone()));
        }
        let turn = shared.budget.reader().await;
        let sql = "select array(select t.bytes from upload_tail t
                where t.upload = s.upload and t.off >= $3 and t.off < $4 order by t.off) pieces
            from stored s where s.upload = $1 and s.epoch = $2";
        let (epoch, from, to) = (
            self.epoch.number().cast_signed(),
            self.in_tail.start.cast_signed(),
            self.in_tail.end.cast_signed(),
        );
        let row = shared.store.row(sql, &[&self.id.uuid(), &epoch, &from, &to]).await?;
        let found: Vec<Vec<u8>> = rows::column(&row.ok_or(StoreError::Fenced)?, "pieces")?;
        let mut pieces: Vec<Bytes> = found.into_iter().map(Bytes::from).collect();
        let read: u64 = pieces.iter().map(|piece| length(piece)).sum();
        if read != self.in_tail.end - self.in_tail.start {
            return Err(StoreError::Damaged(format!("the tail of {} has {read} bytes of a part", self.id)));
        }
        pieces.extend(self.pieces.iter().cloned());
        Ok((Some(turn), pieces))
    }

    /// Whether a put of an older epoch with other bytes may still land. A holder that is displaced waits no
    /// longer.
    async fn has_to_wait(&self, shared: &Shared, idx: i32, sum: i64) -> Result<bool, StoreError> {
        let sql = "select exists (
                select 1 from upload_intents where upload = $1 and idx = $2 and epoch < $3 and sum <> $4
                and at > clock_timestamp() - $5 * interval '1 millisecond'
            ) as has_to_wait from stored where upload = $1 and epoch = $3";
        let lasts = shared.limits.part_timeout + shared.limits.margin;
        let (epoch, lasts) = (self.epoch.number().cast_signed(), lasts.as_secs_f64() * 1000.0);
        let row = shared.store.row(sql, &[&self.id.uuid(), &idx, &epoch, &sum, &lasts]).await?;
        rows::column(&row.ok_or(StoreError::Fenced)?, "has_to_wait")
    }

    /// Announces the put, as the holder that entered last.
    async fn intend(&self, shared: &Shared, idx: i32, sum: i64) -> Result<(), StoreError> {
        let sql = "insert into upload_intents (upload, idx, epoch, sum)
            select s.upload, $3::int, $2, $4::bigint from (
                select upload from stored where upload = $1 and epoch = $2 and sealed_length is null for share
            ) s
            on conflict (upload, idx, epoch) do update set at = clock_timestamp()
                where upload_intents.sum = excluded.sum
            returning 1";
        let epoch = self.epoch.number().cast_signed();
        match shared.store.row(sql, &[&self.id.uuid(), &epoch, &idx, &sum]).await? {
            Some(_) => Ok(()),
            None => Err(StoreError::Fenced),
        }
    }
}

/// A sum that says whether parts of one size have the same bytes.
fn sum(pieces: &[Bytes]) -> i64 {
    let mut hasher = crc32fast::Hasher::new();
    for piece in pieces {
        hasher.update(piece);
    }
    i64::from(hasher.finalize())
}
