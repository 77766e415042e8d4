//! The intake: brings received bytes to the store, gathered into large writes, and computes digest and
//! checksum beside.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use bytes::Bytes;
use tokio::task::{JoinHandle, spawn_blocking};

use super::checkpoint::{Checkpoint, Reached};
use crate::metrics;
use crate::store::{Append, Created, Last, StoreError, Stride, Taking};
use crate::time::Timestamp;
use crate::upload::{Appended, Bounds, Check, DigestState, RunningDigest, State, Upload, Verification};

/// The most bytes that all intakes together aim to hold.
const GATHERED_BYTES: usize = 16 * 1024 * 1024;
/// The most and the least bytes that an intake gathers before it writes: fewer, if there are many intakes.
const LARGEST_WRITE: usize = 1024 * 1024;
const SMALLEST_WRITE: usize = 64 * 1024;
/// The most bytes that are summed up on this thread, because the hop to another would cost more, and that are
/// handed over with the row that tells of them.
const FEW: usize = 64 * 1024;
/// The size below which a piece is copied: uncopied, it keeps a connection's whole buffer from being used
/// again.
const SMALL_PIECE: usize = 4 * 1024;

static INTAKES: AtomicUsize = AtomicUsize::new(0);

/// Bytes on their way to the store. Bytes it has accepted are durable once a row, or a sync, succeeds; if any
/// call fails, they are lost.
pub(super) struct Intake {
    store: Box<dyn Append>,
    sums: Sums,
    /// The sums while a blocking thread has them.
    away: Option<JoinHandle<Sums>>,
    is_checked: bool,
    pending: Vec<Bytes>,
    pending_bytes: usize,
    end: u64,
    /// The offset before which bytes are durable, or will be with the sync that is under way.
    begun: u64,
}

/// The digest and the checksum, computed as the bytes pass.
#[derive(Default)]
struct Sums {
    digest: Option<RunningDigest>,
    check: Check,
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
        let sums = Sums { digest, check: verification.begin() };
        let is_checked = sums.check.is_open();
        let (pending, pending_bytes) = (Vec::new(), 0);
        Self { store, sums, away: None, is_checked, pending, pending_bytes, end: offset, begun: offset }
    }

    /// Whether the bytes are checked before they count.
    pub(super) fn is_checked(&self) -> bool {
        self.is_checked
    }

    /// The offset after all bytes that were taken.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// How many bytes came since the last sync was begun.
    pub(super) fn since_sync(&self) -> u64 {
        self.end - self.begun
    }

    /// Takes bytes, and writes when there are enough.
    pub(super) async fn take(&mut self, data: Bytes) -> Result<(), StoreError> {
        if data.is_empty() {
            return Ok(());
        }
        self.end += u64::try_from(data.len()).expect("a length fits");
        self.pending_bytes += data.len();
        self.pending.push(if data.len() < SMALL_PIECE { Bytes::copy_from_slice(&data) } else { data });
        if self.pending_bytes >= write_size() { self.flush().await } else { Ok(()) }
    }

    /// Hands all bytes that were taken to the store.
    pub(super) async fn flush(&mut self) -> Result<(), StoreError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let data = self.gathered().await?;
        self.store.write(data).await
    }

    /// Makes all bytes that were taken durable, and answers their digest.
    pub(super) async fn sync(&mut self) -> Result<Option<DigestState>, StoreError> {
        let data = self.gathered().await?;
        self.store.sync(data).await?;
        self.begun = self.end;
        self.digest().await
    }

    /// Begins to make all bytes that were taken durable, while more are taken.
    pub(super) async fn begin_checkpoint(&mut self) -> Result<Checkpoint, StoreError> {
        self.flush().await?;
        let digest = self.digest().await?;
        let syncing = self.store.begin_sync().await?;
        self.begun = self.end;
        Ok(Checkpoint { syncing, reached: Reached { offset: self.end, digest } })
    }

    /// Whether all bytes that are not durable, or about to be, are still here and few: then they are handed
    /// over with their row.
    pub(super) fn is_little(&self) -> bool {
        let pending = u64::try_from(self.pending_bytes).expect("a length fits");
        self.begun + pending == self.end && (1..=FEW).contains(&self.pending_bytes)
    }

    /// Moves the pending bytes to as little memory as they need.
    pub(super) fn compact(&mut self) {
        if self.pending.len() > 1 {
            self.pending = vec![self.pending.concat().into()];
        }
    }

    /// The digest of all bytes that were taken, and the bytes to be handed over with the row that tells of
    /// them, if they are few. Otherwise they are synced here, and summed up meanwhile.
    pub(super) async fn last(&mut self) -> Result<(Option<DigestState>, Vec<Bytes>), StoreError> {
        if !self.is_little() {
            return Ok((self.sync().await?, Vec::new()));
        }
        let data = self.gathered().await?;
        Ok((self.digest().await?, data))
    }

    /// Makes the last bytes durable before their row.
    pub(super) async fn settle(&mut self, last: Vec<Bytes>) -> Result<(), StoreError> {
        self.store.sync(last).await
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
        let last = Last { data: last, begun: None };
        let created = self.store.create(last, upload, taking, bounds, claim).await?;
        metrics::get().append_seconds.since(begun);
        Ok(created)
    }

    /// The digest of all bytes that were gathered.
    async fn digest(&mut self) -> Result<Option<DigestState>, StoreError> {
        Ok(self.sums_here().await?.digest.as_ref().map(RunningDigest::state))
    }

    /// Takes out the check, which has seen all bytes that were taken, and sees none that may follow.
    pub(super) async fn end_check(&mut self) -> Result<Check, StoreError> {
        self.flush().await?;
        Ok(std::mem::take(&mut self.sums_here().await?.check))
    }

    /// Drops the pending bytes, and waits until no earlier write is under way.
    pub(super) async fn give_up(&mut self) -> Result<(), StoreError> {
        self.pending.clear();
        self.pending_bytes = 0;
        self.store.sync(Vec::new()).await
    }

    /// The pending bytes, with their sums begun.
    async fn gathered(&mut self) -> Result<Vec<Bytes>, StoreError> {
        let data = std::mem::take(&mut self.pending);
        let bytes = std::mem::take(&mut self.pending_bytes);
        let sums = self.sums_here().await?;
        if sums.are_none() {
            return Ok(data);
        }
        if bytes <= FEW {
            sums.update(&data);
            return Ok(data);
        }
        let (mut away, pieces) = (std::mem::take(sums), data.clone());
        self.away = Some(spawn_blocking(move || {
            away.update(&pieces);
            away
        }));
        Ok(data)
    }

    async fn sums_here(&mut self) -> Result<&mut Sums, StoreError> {
        if let Some(job) = &mut self.away {
            self.sums = job.await.map_err(|error| StoreError::Unavailable(error.to_string()))?;
            self.away = None;
        }
        Ok(&mut self.sums)
    }
}

impl Sums {
    fn are_none(&self) -> bool {
        self.digest.is_none() && !self.check.is_open()
    }

    fn update(&mut self, data: &[Bytes]) {
        for piece in data {
            if let Some(digest) = &mut self.digest {
                digest.update(piece);
            }
            self.check.update(piece);
        }
    }
}

impl Drop for Intake {
    fn drop(&mut self) {
        INTAKES.fetch_sub(1, Ordering::Relaxed);
    }
}

/// How many bytes come before a sync is begun.
pub(super) fn checkpoint_bytes(stride: Stride) -> u64 {
    let most = if INTAKES.load(Ordering::Relaxed) > 1 { stride.most } else { stride.most / 2 };
    most.max(stride.least)
}

fn write_size() -> usize {
    let fair = GATHERED_BYTES / INTAKES.load(Ordering::Relaxed).max(1);
    fair.clamp(SMALLEST_WRITE, LARGEST_WRITE)
}
