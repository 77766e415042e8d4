//! Appending to files, whose last bytes the journal of the records carries if they are few.
//!
//! ```text
//! left behind by a kill, or a power cut     what the next holder, or the next start, does
//! after bytes were shown                    bytes ahead of the ledger: cut off
//! after the row was written with them       nothing; or writes them again, where the power cut took them
//! ```

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::MOST_BYTES;
use crate::crash;
use crate::store::appends::{Append, Appends, Last};
use crate::store::buffer::Buffer;
use crate::store::disk::{Disk, DiskSink};
use crate::store::sled::SledStore;
use crate::store::{Coming, Created, StoreError, Syncing, Taking};
use crate::time::Timestamp;
use crate::upload::{Appended, Bounds, Epoch, State, Upload, UploadId};

/// Files, and the record store that carries their last bytes.
pub struct Carrying {
    disk: Disk,
    store: Arc<SledStore>,
}

/// An open upload.
struct CarryingAppend {
    id: UploadId,
    sink: DiskSink,
    store: Arc<SledStore>,
}

impl Carrying {
    /// The port over files and the store that was opened beside them ([`SledStore::open_beside`]).
    pub fn new(disk: Disk, store: Arc<SledStore>) -> Self {
        Self { disk, store }
    }
}

impl fmt::Debug for Carrying {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Carrying").field("disk", &self.disk).finish_non_exhaustive()
    }
}

#[async_trait]
impl Appends for Carrying {
    async fn open(&self, id: UploadId, _: Epoch, offset: u64) -> Result<Box<dyn Append>, StoreError> {
        let sink = self.disk.sink(id, offset);
        Ok(Box::new(CarryingAppend { id, sink, store: Arc::clone(&self.store) }))
    }
}

impl CarryingAppend {
    /// Makes all bytes durable except those in the answer, which the row has to carry.
    async fn settle(&mut self, Last { data, begun, .. }: Last) -> Result<Vec<Bytes>, StoreError> {
        let bytes = data.iter().map(Bytes::len).sum::<usize>();
        let carried = if (1..=MOST_BYTES).contains(&bytes) {
            self.sink.show(data.clone()).await?;
            crash::point("append.shown");
            data
        } else {
            if bytes > 0 {
                self.sink.sync(data).await?;
            }
            Vec::new()
        };
        Last::landed(begun).await?;
        Ok(carried)
    }
}

#[async_trait]
impl Append for CarryingAppend {
    fn expect(&mut self, coming: Coming) {
        self.sink.expect(coming);
    }

    fn buffer(&mut self, offset: u64) -> Option<Buffer> {
        self.sink.buffer(offset)
    }

    async fn write(&mut self, data: Vec<Bytes>) -> Result<(), StoreError> {
        self.sink.write(data).await
    }

    async fn begin_sync(&mut self) -> Result<Syncing, StoreError> {
        self.sink.begin_sync().await
    }

    async fn sync(&mut self, data: Vec<Bytes>) -> Result<(), StoreError> {
        self.sink.sync(data).await
    }

    async fn record(
        &mut self,
        last: Last,
        row: &Appended,
        claim: Option<Timestamp>,
    ) -> Result<State, StoreError> {
        let carried = self.settle(last).await?;
        self.store.append_carrying(self.id, row, carried, claim).await
    }

    async fn create(
        &mut self,
        last: Last,
        upload: &Upload,
        taking: Taking,
        bounds: Bounds,
        claim: Option<Timestamp>,
    ) -> Result<Created, StoreError> {
        let carried = self.settle(last).await?;
        self.store.create_carrying(upload, taking, bounds, carried, claim).await
    }
}
