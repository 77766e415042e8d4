//! A part file behind the port of bytes. Its writes run on a blocking thread while the caller receives more;
//! small ones without a sync are memory copies, and run on the caller's thread.

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::FutureExt;
use tokio::task::{JoinHandle, spawn_blocking};

use super::part::Part;
use crate::store::{Sink, StoreError, Syncing};

/// The most bytes that are written on the caller's thread, unless they have to be synced: the hop to another
/// thread and back would cost more.
const WRITE_HERE: usize = 64 * 1024;

/// The state of the part: at rest, being written, or after a failed write, when there is nothing more to do.
enum Writer {
    Idle(Part),
    Writing(JoinHandle<Result<Part, StoreError>>),
    Failed,
}

/// The [`Sink`] of a part file. At most one write is under way.
pub(in crate::store) struct DiskSink {
    writer: Writer,
    /// Whether a sync takes the disk's time.
    is_synced: bool,
}

impl DiskSink {
    pub(super) fn new(part: Part) -> Self {
        Self { is_synced: part.is_synced(), writer: Writer::Idle(part) }
    }

    /// Works on the part, on this thread if that is quick, and waits for the end.
    async fn work(
        &mut self,
        is_quick: bool,
        work: impl FnOnce(&mut Part) -> Result<(), StoreError> + Send + 'static,
    ) -> Result<(), StoreError> {
        let mut part = self.part().await?;
        if is_quick {
            work(&mut part)?;
        } else {
            let job = spawn_blocking(move || work(&mut part).map(|()| part));
            part = super::join(job.await)?;
        }
        self.writer = Writer::Idle(part);
        Ok(())
    }

    /// The part, once the write under way has ended.
    async fn part(&mut self) -> Result<Part, StoreError> {
        match std::mem::replace(&mut self.writer, Writer::Failed) {
            Writer::Idle(part) => Ok(part),
            Writer::Writing(job) => super::join(job.await),
            Writer::Failed => Err(StoreError::Unavailable("an earlier write failed".into())),
        }
    }
}

impl Drop for DiskSink {
    fn drop(&mut self) {
        if let Writer::Idle(part) = std::mem::replace(&mut self.writer, Writer::Failed) {
            part.rest();
        }
    }
}

/// The operations of [`Sink`] for a caller that knows the type, without a box for each call.
impl DiskSink {
    /// Appends bytes, as [`Sink::write`] does.
    pub(in crate::store) async fn write(&mut self, data: Vec<Bytes>) -> Result<(), StoreError> {
        let mut part = self.part().await?;
        if is_small(&data) {
            part.append(data)?;
            self.writer = Writer::Idle(part);
            return Ok(());
        }
        self.writer = Writer::Writing(spawn_blocking(move || {
            part.append(data)?;
            Ok(part)
        }));
        Ok(())
    }

    /// Appends bytes, and answers when everything that was appended can be read, though a power cut may take
    /// it: for bytes that are carried until they are synced.
    pub(in crate::store) async fn show(&mut self, data: Vec<Bytes>) -> Result<(), StoreError> {
        self.work(is_small(&data), move |part| part.show(data)).await
    }

    /// Begins a sync, as [`Sink::begin_sync`] does.
    pub(in crate::store) async fn begin_sync(&mut self) -> Result<Syncing, StoreError> {
        let part = self.part().await?;
        let sync = if self.is_synced { part.begin_sync() } else { None };
        self.writer = Writer::Idle(part);
        Ok(match sync {
            Some(sync) => {
                let job = spawn_blocking(move || sync.run());
                async move { super::join(job.await) }.boxed()
            }
            None => std::future::ready(Ok(())).boxed(),
        })
    }

    /// Appends bytes and makes all of them durable, as [`Sink::sync`] does.
    pub(in crate::store) async fn sync(&mut self, data: Vec<Bytes>) -> Result<(), StoreError> {
        let is_quick = is_small(&data) && !self.is_synced;
        let work = move |part: &mut Part| {
            part.append(data)?;
            part.sync()
        };
        self.work(is_quick, work).await
    }
}

#[async_trait]
impl Sink for DiskSink {
    async fn write(&mut self, data: Vec<Bytes>) -> Result<(), StoreError> {
        Self::write(self, data).await
    }

    async fn begin_sync(&mut self) -> Result<Syncing, StoreError> {
        Self::begin_sync(self).await
    }

    async fn sync(&mut self, data: Vec<Bytes>) -> Result<(), StoreError> {
        Self::sync(self, data).await
    }
}

fn is_small(data: &[Bytes]) -> bool {
    data.iter().map(Bytes::len).sum::<usize>() <= WRITE_HERE
}
