//! The port of bytes that arrive, with the rows of the ledger that tell of them.
//!
//! ```text
//! bytes ─► written ─► synced ─► row in the ledger ─► told
//! ```
//! After a crash bytes may be ahead of their row, and never behind it. Each implementation ensures that in
//! its own way. Where bytes and rows are in two places, the order of the steps ensures it ([`Synced`]).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use super::buffer::Buffer;
use super::error::StoreError;
use super::payloads::{Coming, Payloads, Sink, Syncing};
use super::records::{Created, Records, Taking};
use crate::time::Timestamp;
use crate::upload::{Appended, Bounds, Epoch, State, Upload, UploadId};

/// The port to uploads that take bytes.
#[async_trait]
pub trait Appends: Send + Sync + 'static {
    /// Opens an upload for its holder, as [`Payloads::open`] does. An upload that gets its record only with
    /// its last bytes is opened in the first epoch.
    ///
    /// # Errors
    /// The errors of [`Payloads::open`].
    async fn open(&self, id: UploadId, epoch: Epoch, offset: u64) -> Result<Box<dyn Append>, StoreError>;

    /// The strides in which the store takes what comes; those of files, unless it names others.
    fn stride(&self) -> Stride {
        Stride::default()
    }
}

/// The strides in which bytes that come for long become durable, and are recorded, on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stride {
    /// The least bytes between two syncs, except at the end of a request. Where syncs make parts that have a
    /// least size, it is that.
    pub least: u64,
    /// The most bytes between two syncs. An upload that comes alone has half of it, if that is not less than
    /// the least.
    pub most: u64,
    /// How long bytes wait for a row that tells of them.
    pub every: Duration,
}

impl Default for Stride {
    /// The strides of files. A client waits for the bytes that are not synced yet, at the end or when it
    /// comes back; where several send at once, fewer and larger syncs get more onto the disk.
    fn default() -> Self {
        const KIB: u64 = 1024;
        Self { least: 256 * KIB, most: 4 * KIB * KIB, every: Duration::from_secs(1) }
    }
}

/// The bytes of one upload and the rows of its ledger, written by the upload's holder.
#[async_trait]
pub trait Append: Send {
    /// Takes note of what is about to come.
    fn expect(&mut self, _coming: Coming) {}

    /// Memory for bytes from this offset on, where a write from it costs less; `None` where none is to be
    /// had, or makes no difference. The bytes are written like any others.
    fn buffer(&mut self, _offset: u64) -> Option<Buffer> {
        None
    }

    /// Appends bytes, as [`Sink::write`] does.
    async fn write(&mut self, data: Vec<Bytes>) -> Result<(), StoreError>;

    /// Begins a sync, as [`Sink::begin_sync`] does.
    async fn begin_sync(&mut self) -> Result<Syncing, StoreError>;

    /// The first offset after this one at which the store would have a sync begin, and a row end, if it has
    /// such a wish: an object store, whose parts are of one size, takes bytes between two of them in a longer
    /// way. While bytes come, a row ends there, or behind all bytes that were written.
    fn boundary(&self, _after: u64) -> Option<u64> {
        None
    }

    /// Appends bytes and makes all of them durable, as [`Sink::sync`] does; or takes them, where few bytes
    /// and their row are one statement, to make them durable with the next row.
    async fn sync(&mut self, data: Vec<Bytes>) -> Result<(), StoreError>;

    /// Appends bytes and makes all of them durable, though no row follows, because they are about to be read.
    ///
    /// # Errors
    /// The errors of [`Append::sync`].
    async fn settle(&mut self, data: Vec<Bytes>) -> Result<(), StoreError> {
        self.sync(data).await
    }

    /// Makes the last bytes before the row's end durable, and the row, as [`Records::append`] does. A store
    /// that has the bytes where the message's file is may commit the message in the same step as its claim:
    /// then the state is [`Committed`](State::Committed).
    ///
    /// # Errors
    /// The errors of [`Sink::sync`] and [`Records::append`]. After one the row may exist or not; if it does,
    /// so do its bytes.
    async fn record(
        &mut self,
        last: Last,
        row: &Appended,
        claim: Option<Timestamp>,
    ) -> Result<State, StoreError>;

    /// Makes the last bytes durable, and the record of the upload that has all of them, as
    /// [`Records::create_with`] does, or as far as [`Append::record`] may.
    ///
    /// # Errors
    /// The errors of [`Sink::sync`] and [`Records::create_with`].
    async fn create(
        &mut self,
        last: Last,
        upload: &Upload,
        taking: Taking,
        bounds: Bounds,
        claim: Option<Timestamp>,
    ) -> Result<Created, StoreError>;
}

/// The bytes that are not durable yet and that a row, or a record, is about to tell of. All bytes before them
/// are durable.
#[derive(Default)]
pub struct Last {
    /// Bytes that are not written yet.
    pub data: Vec<Bytes>,
    /// The sync of the bytes before those, if it is under way.
    pub begun: Option<Syncing>,
    /// Whether another request waits for the upload: then bytes go where they are durable soonest.
    pub is_asked: bool,
}

impl fmt::Debug for Last {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Last").field("data", &self.data).finish_non_exhaustive()
    }
}

impl Last {
    /// Waits until the sync under way has ended. The disk reports an error once, and may report it here.
    ///
    /// # Errors
    /// The errors of [`Sink::begin_sync`].
    pub async fn landed(begun: Option<Syncing>) -> Result<(), StoreError> {
        match begun {
            Some(syncing) => syncing.await,
            None => Ok(()),
        }
    }
}

/// The port where bytes and rows are in two places: the bytes are synced, then the row is written.
pub struct Synced {
    payloads: Arc<dyn Payloads>,
    records: Arc<dyn Records>,
}

/// An open upload, whose bytes and rows are in two places.
struct SyncedAppend {
    id: UploadId,
    sink: Box<dyn Sink>,
    records: Arc<dyn Records>,
}

impl Synced {
    /// The port over these bytes and these rows.
    pub fn new(payloads: Arc<dyn Payloads>, records: Arc<dyn Records>) -> Self {
        Self { payloads, records }
    }
}

impl fmt::Debug for Synced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Synced")
    }
}

#[async_trait]
impl Appends for Synced {
    async fn open(&self, id: UploadId, epoch: Epoch, offset: u64) -> Result<Box<dyn Append>, StoreError> {
        let sink = self.payloads.open(id, epoch, offset).await?;
        Ok(Box::new(SyncedAppend { id, sink, records: Arc::clone(&self.records) }))
    }
}

impl SyncedAppend {
    async fn settle(&mut self, Last { data, begun, .. }: Last) -> Result<(), StoreError> {
        if !data.is_empty() {
            self.sink.sync(data).await?;
        }
        Last::landed(begun).await
    }
}

#[async_trait]
impl Append for SyncedAppend {
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
        self.settle(last).await?;
        self.records.append_with(self.id, row, claim).await
    }

    async fn create(
        &mut self,
        last: Last,
        upload: &Upload,
        taking: Taking,
        bounds: Bounds,
        claim: Option<Timestamp>,
    ) -> Result<Created, StoreError> {
        self.settle(last).await?;
        self.records.create_with(upload, taking, bounds, claim).await
    }
}
