//! The intake: brings received bytes to the store, gathered into large writes, and computes digest and
//! checksum beside.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use bytes::Bytes;
use futures_util::FutureExt;

use super::checkpoint::Checkpoint;
use super::gathered::{Gathered, Piece};
use super::sums::Sums;
use crate::metrics;
use crate::store::{Append, Coming, Created, Last, StoreError, Stride, Taking};
use crate::time::Timestamp;
use crate::upload::{Appended, Bounds, Check, DigestState, RunningDigest, State, Upload, Verification};

/// The most bytes that all intakes together aim to hold.
const GATHERED_BYTES: usize = 16 * 1024 * 1024;
/// The most and the least bytes that an intake gathers before it writes: fewer, if there are many intakes.
const LARGEST_WRITE: usize = 1024 * 1024;
const SMALLEST_WRITE: usize = 64 * 1024;
/// The most bytes that are handed over with the row that tells of them.
const FEW: usize = 64 * 1024;

/// How many of a store's strides are one, where bytes come from buffers.
const BUFFER_STRIDES: u64 = 4;

static INTAKES: AtomicUsize = AtomicUsize::new(0);

/// Bytes on their way to the store. Bytes it has accepted are durable once a row, or a sync, succeeds; if any
/// call fails, they are lost.
pub(super) struct Intake {
    store: Box<dyn Append>,
    sums: Sums,
    is_checked: bool,
    /// The offset after which the digest is given up.
    digest_end: Option<u64>,
    gathered: Gathered,
    /// Whether the last write was a buffer.
    is_fast: bool,
    end: u64,
    /// The offset before which bytes are durable, or will be with the sync that is under way.
    begun: u64,
}

impl Intake {
    /// An intake whose first byte goes to `offset`, with the digest of all bytes before it.
    pub(super) fn new(store: Box<dyn Append>, offset: u64, digest: Option<RunningDigest>) -> Self {
        Self::checked(store, offset, digest, Verification::None)
    }

    /// An intake for bytes that are checked before they count.
    pub(super) fn checked(
        store: Box<dyn Append>,
        offset: u64,
        digest: Option<RunningDigest>,
        verification: Verification,
    ) -> Self {
        INTAKES.fetch_add(1, Ordering::Relaxed);
        let is_checked = verification != Verification::None;
        let sums = Sums::new(digest, verification);
        Self {
            store,
            sums,
            is_checked,
            digest_end: None,
            gathered: Gathered::default(),
            is_fast: false,
            end: offset,
            begun: offset,
        }
    }

    /// Takes note of what is about to come.
    pub(super) fn expect(&mut self, coming: Coming) {
        self.store.expect(coming);
    }

    /// Gives up the digest after this offset, if it is reached.
    pub(super) fn digest_until(&mut self, end: Option<u64>) {
        self.digest_end = end;
    }

    /// Whether the bytes are checked before they count.
    pub(super) fn is_checked(&self) -> bool {
        self.is_checked
    }

    /// The offset after all bytes that were taken.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// How many bytes are missing up to where the store would have the next sync begin, if it has such a
    /// wish.
    pub(super) fn to_boundary(&self) -> Option<u64> {
        self.store.boundary(self.end).map(|boundary| boundary - self.end)
    }

    /// The offset after all bytes that would be synced now. A buffer that is being filled waits for the next
    /// sync: without it, its blocks would be written in parts.
    fn reach(&self) -> u64 {
        if self.gathered.is_buffer() { self.end - self.gathered.bytes() as u64 } else { self.end }
    }

    /// How many bytes a sync would have now.
    pub(super) fn since_sync(&self) -> u64 {
        self.reach() - self.begun
    }

    /// How many bytes come before a sync is begun. Those of buffers are on the disk without one, or nearly,
    /// so that their syncs have little to do, and may have more of them.
    pub(super) fn checkpoint_bytes(&self, stride: Stride) -> u64 {
        let most = if self.is_fast {
            stride.most.saturating_mul(BUFFER_STRIDES)
        } else if INTAKES.load(Ordering::Relaxed) > 1 {
            stride.most
        } else {
            stride.most / 2
        };
        most.max(stride.least)
    }

    /// Takes bytes, and writes when there are enough.
    pub(super) async fn take(&mut self, mut data: Bytes) -> Result<(), StoreError> {
        while !data.is_empty() {
            let before = data.len();
            self.gathered.take(&mut data, self.end, self.store.as_mut());
            self.end += (before - data.len()) as u64;
            if self.digest_end.is_some_and(|end| self.end > end) {
                self.sums.give_up_digest()?;
            }
            if self.gathered.is_enough(write_size()) {
                self.flush().await?;
            }
        }
        Ok(())
    }

    /// Hands all bytes that were taken to the store.
    pub(super) async fn flush(&mut self) -> Result<(), StoreError> {
        if self.gathered.bytes() == 0 {
            return Ok(());
        }
        let piece = self.gathered().await?;
        self.store.write(piece.data).await
    }

    /// Hands on, or makes small, what waits for bytes that do not come; to be called every now and then.
    pub(super) async fn tick(&mut self) -> Result<(), StoreError> {
        if self.is_little() {
            self.gathered.compact();
        } else if self.gathered.tick() {
            self.flush().await?;
        }
        Ok(())
    }

    /// Makes all bytes that were taken durable, and answers their digest.
    pub(super) async fn sync(&mut self) -> Result<Option<DigestState>, StoreError> {
        let data = self.gathered().await?.data;
        self.store.sync(data).await?;
        self.begun = self.end;
        self.digest().await
    }

    /// Begins to make bytes that were taken durable, while more are taken.
    pub(super) async fn begin_checkpoint(&mut self) -> Result<Checkpoint, StoreError> {
        if !self.gathered.is_buffer() {
            self.flush().await?;
        }
        self.begun = self.reach();
        let digest = self.sums.digest()?;
        let syncing = self.store.begin_sync().await?;
        let syncing = async move {
            syncing.await?;
            digest.done().await
        };
        Ok(Checkpoint { syncing: syncing.boxed(), offset: self.begun })
    }

    /// Whether all bytes that are not durable, or about to be, are still here and few: then they are handed
    /// over with their row.
    pub(super) fn is_little(&self) -> bool {
        let waiting = self.gathered.bytes();
        self.begun + waiting as u64 == self.end && (1..=FEW).contains(&waiting)
    }

    /// The digest of all bytes that were taken, and the bytes to be handed over with the row that tells of
    /// them, if they are few. Otherwise they are synced here, and summed up meanwhile.
    pub(super) async fn last(&mut self) -> Result<(Option<DigestState>, Vec<Bytes>), StoreError> {
        if !self.is_little() {
            return Ok((self.sync().await?, Vec::new()));
        }
        let data = self.gathered().await?.data;
        Ok((self.digest().await?, data))
    }

    /// Makes the last bytes durable before their row.
    pub(super) async fn settle(&mut self, last: Vec<Bytes>) -> Result<(), StoreError> {
        self.store.settle(last).await
    }

    /// Records the row, and with it the last bytes before its end.
    pub(super) async fn record(
        &mut self,
        last: Last,
        row: &Appended,
        claim: Option<Timestamp>,
    ) -> Result<State, StoreError> {
        let begun = Instant::now();
        let state = self.store.record(last, row, claim).await?;
        metrics::get().append_seconds.since(begun);
        self.begun = self.begun.max(row.chunk.end());
        Ok(state)
    }

    /// Records the upload that has all bytes that were taken, and with it the last of them.
    pub(super) async fn create(
        &mut self,
        last: Vec<Bytes>,
        upload: &Upload,
        taking: Taking,
        bounds: Bounds,
        claim: Option<Timestamp>,
    ) -> Result<Created, StoreError> {
        let begun = Instant::now();
        let last = Last { data: last, ..Last::default() };
        let created = self.store.create(last, upload, taking, bounds, claim).await?;
        metrics::get().append_seconds.since(begun);
        Ok(created)
    }

    /// The digest of all bytes that were gathered.
    async fn digest(&mut self) -> Result<Option<DigestState>, StoreError> {
        self.sums.digest()?.done().await
    }

    /// Takes out the check, which has seen all bytes that were taken, and sees none that may follow.
    pub(super) async fn end_check(&mut self) -> Result<Check, StoreError> {
        self.flush().await?;
        self.sums.end_check()?.done().await
    }

    /// Drops the gathered bytes, and waits until no earlier write is under way.
    pub(super) async fn give_up(&mut self) -> Result<(), StoreError> {
        self.gathered.take_all();
        self.store.sync(Vec::new()).await
    }

    /// The gathered bytes, with their sums begun.
    async fn gathered(&mut self) -> Result<Piece, StoreError> {
        let piece = self.gathered.take_all();
        self.is_fast = piece.is_buffer;
        self.sums.add(&piece).await?;
        Ok(piece)
    }
}

impl Drop for Intake {
    fn drop(&mut self) {
        INTAKES.fetch_sub(1, Ordering::Relaxed);
    }
}

fn write_size() -> usize {
    let fair = GATHERED_BYTES / INTAKES.load(Ordering::Relaxed).max(1);
    fair.clamp(SMALLEST_WRITE, LARGEST_WRITE)
}
