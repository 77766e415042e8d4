//! From received bytes to a sink: gathered into large writes, digested beside them.

use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use tokio::task::{JoinHandle, spawn_blocking};

use crate::store::{Sink, StoreError};
use crate::upload::{DigestState, RunningDigest};

/// All intakes together aim at holding no more than this.
const GATHERED_BYTES: usize = 16 * 1024 * 1024;
/// An intake writes when it holds this much, or less when there are many.
const LARGEST_WRITE: usize = 1024 * 1024;
const SMALLEST_WRITE: usize = 64 * 1024;
/// Less than this is digested where it stands: the hop to another thread would cost more.
const DIGEST_HERE: usize = 64 * 1024;

static INTAKES: AtomicUsize = AtomicUsize::new(0);

/// Bytes on their way to a sink. What it took is in the sink after [`Intake::sync`], or lost with an error.
pub(super) struct Intake {
    sink: Box<dyn Sink>,
    digest: Digest,
    pending: Vec<Bytes>,
    pending_bytes: usize,
    end: u64,
}

/// The running digest: at rest, away on another thread, or not taken.
enum Digest {
    Off,
    Here(RunningDigest),
    Away(JoinHandle<RunningDigest>),
}

impl Intake {
    /// An intake whose first byte goes to `offset`, with the digest of all bytes before it.
    pub(super) fn new(sink: Box<dyn Sink>, offset: u64, digest: Option<RunningDigest>) -> Self {
        INTAKES.fetch_add(1, Ordering::Relaxed);
        let digest = digest.map_or(Digest::Off, Digest::Here);
        Self { sink, digest, pending: Vec::new(), pending_bytes: 0, end: offset }
    }

    /// The offset after everything that was taken.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// Takes bytes, and writes when there are enough.
    pub(super) async fn take(&mut self, data: Bytes) -> Result<(), StoreError> {
        if data.is_empty() {
            return Ok(());
        }
        self.end += u64::try_from(data.len()).expect("a length fits");
        self.pending_bytes += data.len();
        self.pending.push(data);
        if self.pending_bytes >= write_size() { self.flush().await } else { Ok(()) }
    }

    /// Hands everything taken to the sink.
    pub(super) async fn flush(&mut self) -> Result<(), StoreError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let data = self.gathered().await?;
        self.sink.write(data).await
    }

    /// Makes everything taken durable and answers the digest of it.
    pub(super) async fn sync(&mut self) -> Result<Option<DigestState>, StoreError> {
        let data = self.gathered().await?;
        self.sink.sync(data).await?;
        let digest = self.digest_here().await?;
        Ok(digest.map(|digest| digest.state()))
    }

    /// What is pending, with its digest begun.
    async fn gathered(&mut self) -> Result<Vec<Bytes>, StoreError> {
        let data = std::mem::take(&mut self.pending);
        let bytes = std::mem::take(&mut self.pending_bytes);
        let Some(digest) = self.digest_here().await? else { return Ok(data) };
        if bytes < DIGEST_HERE {
            data.iter().for_each(|piece| digest.update(piece));
            return Ok(data);
        }
        let (mut away, pieces) = (std::mem::take(digest), data.clone());
        self.digest = Digest::Away(spawn_blocking(move || {
            pieces.iter().for_each(|piece| away.update(piece));
            away
        }));
        Ok(data)
    }

    async fn digest_here(&mut self) -> Result<Option<&mut RunningDigest>, StoreError> {
        if let Digest::Away(job) = &mut self.digest {
            let digest = job.await.map_err(|error| StoreError::Unavailable(error.to_string()))?;
            self.digest = Digest::Here(digest);
        }
        match &mut self.digest {
            Digest::Here(digest) => Ok(Some(digest)),
            Digest::Off | Digest::Away(_) => Ok(None),
        }
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
