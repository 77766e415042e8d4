//! A slow disk.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::FutureExt;
use tokio::sync::{Mutex, Semaphore};
use tokio::task::JoinHandle;

use crate::store::memory::MemoryPayloads;
use crate::store::{ByteStream, Payloads, Place, Room, Sink, Source, StoreError, Syncing};
use crate::time::Timestamp;
use crate::upload::{Epoch, UploadId};

/// Payloads whose writes and checkpoints each wait for a permit, as on a disk that is busy. A checkpoint
/// fails when its permits are closed.
pub(super) struct Slow {
    memory: MemoryPayloads,
    writes: Arc<Semaphore>,
    syncs: Arc<Semaphore>,
}

impl Default for Slow {
    /// Gives permits for everything.
    fn default() -> Self {
        let plenty = || Arc::new(Semaphore::new(Semaphore::MAX_PERMITS));
        Self { memory: MemoryPayloads::default(), writes: plenty(), syncs: plenty() }
    }
}

impl Slow {
    /// Takes away all permits for writes and for checkpoints; the answer gives them back.
    pub(super) fn busy(&self) -> (Arc<Semaphore>, Arc<Semaphore>) {
        self.writes.forget_permits(Semaphore::MAX_PERMITS);
        self.syncs.forget_permits(Semaphore::MAX_PERMITS);
        (Arc::clone(&self.writes), Arc::clone(&self.syncs))
    }

    /// The bytes that were written.
    pub(super) fn memory(&self) -> MemoryPayloads {
        self.memory.clone()
    }
}

struct SlowSink {
    sink: Arc<Mutex<Box<dyn Sink>>>,
    writes: Arc<Semaphore>,
    syncs: Arc<Semaphore>,
    under_way: Option<JoinHandle<Result<(), StoreError>>>,
}

impl SlowSink {
    async fn settle(&mut self) -> Result<(), StoreError> {
        match self.under_way.take() {
            Some(job) => job.await.expect("no panic"),
            None => Ok(()),
        }
    }
}

#[async_trait]
impl Sink for SlowSink {
    async fn write(&mut self, data: Vec<Bytes>) -> Result<(), StoreError> {
        self.settle().await?;
        let (sink, permits) = (Arc::clone(&self.sink), Arc::clone(&self.writes));
        self.under_way = Some(tokio::spawn(async move {
            permits.acquire().await.expect("never closed").forget();
            sink.lock().await.write(data).await
        }));
        Ok(())
    }

    async fn begin_sync(&mut self) -> Result<Syncing, StoreError> {
        self.settle().await?;
        let permits = Arc::clone(&self.syncs);
        let permitted = async move {
            let permit = permits.acquire().await;
            permit.map_err(|_| StoreError::Unavailable("the disk is gone".into()))?.forget();
            Ok(())
        };
        Ok(permitted.boxed())
    }

    async fn sync(&mut self, data: Vec<Bytes>) -> Result<(), StoreError> {
        self.settle().await?;
        self.sink.lock().await.sync(data).await
    }
}

#[async_trait]
impl Payloads for Slow {
    async fn open(&self, id: UploadId, epoch: Epoch, offset: u64) -> Result<Box<dyn Sink>, StoreError> {
        let sink = Arc::new(Mutex::new(self.memory.open(id, epoch, offset).await?));
        let (writes, syncs) = (Arc::clone(&self.writes), Arc::clone(&self.syncs));
        Ok(Box::new(SlowSink { sink, writes, syncs, under_way: None }))
    }

    async fn place(&self, id: UploadId, length: u64, place: &Place) -> Result<(), StoreError> {
        self.memory.place(id, length, place).await
    }

    async fn give_up(&self, id: UploadId, length: u64, place: &Place) -> Result<bool, StoreError> {
        self.memory.give_up(id, length, place).await
    }

    async fn discard(&self, id: UploadId) -> Result<(), StoreError> {
        self.memory.discard(id).await
    }

    async fn read(&self, source: &Source, range: std::ops::Range<u64>) -> Result<ByteStream, StoreError> {
        self.memory.read(source, range).await
    }

    async fn parts(
        &self,
        written_before: Timestamp,
        after: Option<UploadId>,
        limit: usize,
    ) -> Result<Vec<UploadId>, StoreError> {
        self.memory.parts(written_before, after, limit).await
    }

    async fn room(&self) -> Result<Room, StoreError> {
        self.memory.room().await
    }
}
