//! From received bytes to the store: gathered into large writes, summed up beside them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use bytes::Bytes;
use tokio::task::{JoinHandle, spawn_blocking};

use super::checkpoint::{Checkpoint, Reached};
use crate::metrics;
use crate::store::{Append, Created, Last, StoreError, Taking};
use crate::time::Timestamp;
use crate::upload::{Appended, Check, DigestState, RunningDigest, State, Upload, Verification};

/// All intakes together aim at holding no more than this.
const GATHERED_BYTES: usize = 16 * 1024 * 1024;
/// An intake writes when it holds this much, or less when there are many.
const LARGEST_WRITE: usize = 1024 * 1024;
const SMALLEST_WRITE: usize = 64 * 1024;
/// This and less is summed up where it stands, because the hop to another thread would cost more, and is handed over with
/// the row that tells of it.
const FEW: usize = 64 * 1024;
/// A piece smaller than this is copied: as it came, it keeps a connection's whole buffer from being used again.
const SMALL_PIECE: usize = 4 * 1024;

static INTAKES: AtomicUsize = AtomicUsize::new(0);

/// Bytes on their way to the store. Those that it has accepted are durable once a row, or a sync, succeeds; if any call
/// fails, they are lost.
pub(super) struct Intake {
    store: Box<dyn Append>,
    sums: Sums,
    /// The sums while a blocking thread has them.
    away: Option<JoinHandle<Sums>>,
    is_checked: bool,
    pending: Vec<Bytes>,
    pending_bytes: usize,
    end: u64,
    /// Bytes before it are durable, or will be with the sync that is under way.
    begun: u64,
}

/// What is computed of the bytes as they pass.
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

    /// The same for bytes that are checked before they count.
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

    /// Whether it was begun with a check.
    pub(super) fn is_checked(&self) -> bool {
        self.is_checked
    }

    /// The offset after everything that was taken.
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

    /// Hands everything taken to the store.
    pub(super) async fn flush(&mut self) -> Result<(), StoreError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let data = self.gathered().await?;
        self.store.write(data).await
    }

    /// Makes everything taken durable and answers the digest of it.
    pub(super) async fn sync(&mut self) -> Result<Option<DigestState>, StoreError> {
        let data = self.gathered().await?;
        self.store.sync(data).await?;
        self.begun = self.end;
        self.digest().await
    }

    /// Begins to make everything taken durable, while more is taken.
    pub(super) async fn begin_checkpoint(&mut self) -> Result<Checkpoint, StoreError> {
        self.flush().await?;
        let digest = self.digest().await?;
        let syncing = self.store.begin_sync().await?;
        self.begun = self.end;
        Ok(Checkpoint { syncing, reached: Reached { offset: self.end, digest } })
    }

    /// Whether all that is not durable, or about to be, is still here, and few: then it is handed over with its row.
    pub(super) fn is_little(&self) -> bool {
        let pending = u64::try_from(self.pending_bytes).expect("a length fits");
        self.begun + pending == self.end && (1..=FEW).contains(&self.pending_bytes)
    }

    /// Keeps what is pending in as little memory as it needs.
    pub(super) fn compact(&mut self) {
        if self.pending.len() > 1 {
            self.pending = vec![self.pending.concat().into()];
        }
    }

    /// The digest of everything taken, and what is to be handed over with the row that tells of it: few bytes; more are
    /// synced, and summed up meanwhile.
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

    /// Records the upload that has all that was taken, and with it the last bytes.
    pub(super) async fn create(
        &mut self,
        last: Vec<Bytes>,
        upload: &Upload,
        taking: Taking,
        claim: Option<Timestamp>,
    ) -> Result<Created, StoreError> {
        let begun = Instant::now();
        let created = self.store.create(Last { data: last, begun: None }, upload, taking, claim).await?;
        metrics::get().append_seconds.since(begun);
        Ok(created)
    }

    /// The digest of everything that was gathered.
    async fn digest(&mut self) -> Result<Option<DigestState>, StoreError> {
        Ok(self.sums_here().await?.digest.as_ref().map(RunningDigest::state))
    }

    /// The check, which has seen everything that was taken, and sees nothing of what may follow.
    pub(super) async fn end_check(&mut self) -> Result<Check, StoreError> {
        self.flush().await?;
        Ok(std::mem::take(&mut self.sums_here().await?.check))
    }

    /// Drops what is pending, and waits until nothing that was written before is still under way.
    pub(super) async fn give_up(&mut self) -> Result<(), StoreError> {
        self.pending.clear();
        self.pending_bytes = 0;
        self.store.sync(Vec::new()).await
    }

    /// What is pending, with its sums begun.
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

/// A sync is begun after so many bytes. What is not synced yet is what a client waits for at the end, or when it
/// comes back; where several send at once, fewer and larger syncs get more onto the disk.
pub(super) fn checkpoint_bytes() -> u64 {
    const MIB: u64 = 1024 * 1024;
    if INTAKES.load(Ordering::Relaxed) > 1 { 4 * MIB } else { 2 * MIB }
}

fn write_size() -> usize {
    let fair = GATHERED_BYTES / INTAKES.load(Ordering::Relaxed).max(1);
    fair.clamp(SMALLEST_WRITE, LARGEST_WRITE)
}
