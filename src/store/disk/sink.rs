//! A part file behind the port of bytes. Its writes run on a blocking thread while the caller receives more;
//! small ones without a sync are memory copies, and run on the caller's thread. Those past the page cache are
//! several at a time ([`super::direct`]).

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::FutureExt;
use tokio::task::{JoinHandle, spawn_blocking};

use super::direct::{Direct, Split, Writes, cold, split};
use super::part::Part;
use crate::store::{Buffer, Coming, Sink, StoreError, Syncing};

/// The most bytes that are written on the caller's thread, unless they have to be synced: the hop to another
/// thread and back would cost more.
const WRITE_HERE: usize = 64 * 1024;

/// The state of the part: at rest, being written, or after a failed write, when there is nothing more to do.
pub(super) enum Writer {
    Idle(Part),
    Writing(JoinHandle<Result<Part, StoreError>>),
    Failed,
}

/// The [`Sink`] of a part file. At most one write through the page cache is under way.
pub(in crate::store) struct DiskSink {
    pub(super) writer: Writer,
    pub(super) writes: Writes,
    direct: Arc<Direct>,
    /// The bytes that go past the page cache.
    cold: Range<u64>,
    /// The offset up to which extents may be reserved.
    until: Option<u64>,
    /// Whether a sync takes the disk's time.
    is_synced: bool,
}

impl DiskSink {
    pub(super) fn new(part: Part) -> Self {
        let (is_synced, direct) = (part.is_synced(), Arc::clone(part.direct()));
        let (writes, cold) = (Writes::default(), 0..0);
        Self { writer: Writer::Idle(part), writes, direct, cold, until: None, is_synced }
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
            Writer::Writing(job) => {
                let written = super::join(job.await);
                if written.is_err() {
                    self.give_up().await;
                }
                written
            }
            Writer::Failed => {
                self.give_up().await;
                Err(StoreError::Unavailable("an earlier write failed".into()))
            }
        }
    }

    /// Appends a piece whose blocks go past the page cache.
    async fn write_past(&mut self, mut part: Part, split: Split) -> Result<(), StoreError> {
        let (is_ready, until) = (part.is_ready_for(&split, self.until), self.until);
        let prepare = move || part.prepare(split, until).map(|write| (part, write));
        let (part, write) = if is_ready { prepare()? } else { super::join(spawn_blocking(prepare).await)? };
        self.writer = Writer::Idle(part);
        let Some(write) = write else { return Ok(()) };
        let begun = self.writes.begin(write).await;
        self.landed(begun).await
    }

    /// Waits until no write past the page cache is under way.
    async fn land(&mut self) -> Result<(), StoreError> {
        let landed = self.writes.land().await;
        self.landed(landed).await
    }

    async fn landed(&mut self, outcome: std::io::Result<()>) -> Result<(), StoreError> {
        if outcome.is_err() {
            self.give_up().await;
        }
        Ok(outcome?)
    }

    /// Writes nothing more, and waits until nothing is being written: the caller lets go of the upload, and a
    /// late write would land between those of the next holder.
    async fn give_up(&mut self) {
        self.writer = Writer::Failed;
        let _ = self.writes.land().await;
    }
}

impl Drop for DiskSink {
    fn drop(&mut self) {
        if let Writer::Idle(part) = std::mem::replace(&mut self.writer, Writer::Failed)
            && self.writes.are_over()
        {
            part.rest();
        }
    }
}

/// The operations of [`Sink`] for a caller that knows the type, without a box for each call.
impl DiskSink {
    /// Takes note of what is about to come.
    pub(in crate::store) fn expect(&mut self, coming: Coming) {
        self.cold = cold(coming);
        self.until = coming.until.or(coming.length);
    }

    /// Memory from which bytes at this offset can be written past the page cache, if they are to be.
    pub(in crate::store) fn buffer(&mut self, offset: u64) -> Option<Buffer> {
        let is_wanted = self.cold.contains(&offset) && !self.direct.is_refused();
        if is_wanted { self.direct.buffers().take(offset) } else { None }
    }

    /// Appends bytes, as [`Sink::write`] does.
    pub(in crate::store) async fn write(&mut self, data: Vec<Bytes>) -> Result<(), StoreError> {
        let mut part = self.part().await?;
        if let [piece] = data.as_slice()
            && self.cold.contains(&part.offset())
            && let Some(split) = split(piece, part.offset())
        {
            return self.write_past(part, split).await;
        }
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
        if self.writes.are_over() {
            return Ok(match sync {
                Some(sync) => {
                    let job = spawn_blocking(move || sync.run());
                    async move { super::join(job.await) }.boxed()
                }
                None => std::future::ready(Ok(())).boxed(),
            });
        }
        let mut before = self.writes.clone();
        // A task, so that it goes on while the caller does other things.
        let job = tokio::spawn(async move {
            before.land().await?;
            match sync {
                Some(sync) => super::join(spawn_blocking(move || sync.run()).await),
                None => Ok(()),
            }
        });
        Ok(async move { super::join(job.await) }.boxed())
    }

    /// Appends bytes and makes all of them durable, as [`Sink::sync`] does.
    pub(in crate::store) async fn sync(&mut self, data: Vec<Bytes>) -> Result<(), StoreError> {
        if !self.writes.are_over() {
            let written = self.write(data).await;
            let landed = self.land().await;
            written.and(landed)?;
            return self.work(false, Part::sync).await;
        }
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
