//! The port of bytes that arrive, with the rows of the ledger that tell of them: both are written by one
//! statement, or in one transaction where the row changes more than the ledger's end.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::ahead::Ahead;
use super::keep::Keep;
use super::objects::{Objects, Shared};
use super::writer::Writer;
use crate::store::postgres::append::Append as AppendRow;
use crate::store::postgres::change::Along;
use crate::store::postgres::create::Create;
use crate::store::{Append, Appends, Created, Last, Sink, StoreError, Stride, Syncing, Taking};
use crate::time::Timestamp;
use crate::upload::{Appended, Bounds, Epoch, Length, State, Upload, UploadId};

#[async_trait]
impl Appends for Objects {
    async fn open(&self, id: UploadId, epoch: Epoch, offset: u64) -> Result<Box<dyn Append>, StoreError> {
        let writer = Writer::open(&self.0, id, epoch, offset).await?;
        Ok(Box::new(ObjectAppend { id, writer }))
    }

    fn stride(&self) -> Stride {
        let Shared { limits, .. } = &*self.0;
        let bytes = limits.part_bytes * limits.in_flight.max(1) as u64;
        Stride { least: bytes, most: bytes, every: limits.every }
    }
}

/// An open upload.
struct ObjectAppend {
    id: UploadId,
    writer: Writer,
}

#[async_trait]
impl Append for ObjectAppend {
    async fn write(&mut self, data: Vec<Bytes>) -> Result<(), StoreError> {
        self.writer.write(data).await
    }

    async fn begin_sync(&mut self) -> Result<Syncing, StoreError> {
        Ok(self.writer.landing())
    }

    /// Takes the bytes: they become durable with their row.
    async fn sync(&mut self, data: Vec<Bytes>) -> Result<(), StoreError> {
        self.writer.write(data).await
    }

    async fn settle(&mut self, data: Vec<Bytes>) -> Result<(), StoreError> {
        Sink::sync(&mut self.writer, data).await
    }

    fn boundary(&self, after: u64) -> Option<u64> {
        Some(self.writer.boundary(after))
    }

    async fn record(
        &mut self,
        last: Last,
        row: &Appended,
        claim: Option<Timestamp>,
    ) -> Result<State, StoreError> {
        // How long a sync that was begun is waited for, the writer knows.
        let is_asked = last.is_asked;
        self.writer.write(last.data).await?;
        let moves_end = row.state == State::Receiving && matches!(row.length, Length::Known(_));
        if moves_end && self.writer.record(row, is_asked).await? {
            return Ok(row.state.clone());
        }
        let store = Arc::clone(&self.writer.shared.store);
        if let Some(ahead) = self.ahead(row.chunk.end(), claim).await? {
            let along: Option<&dyn Along> = Some(&ahead);
            let state = store.change(&AppendRow { store: &store, id: self.id, row, claim, along }).await?;
            self.writer.has_file();
            return Ok(state);
        }
        let keep = self.writer.ready(row.chunk.end(), is_asked).await?;
        if row.state == State::Complete {
            self.writer.look_for_parts().await?;
        }
        let change = AppendRow { store: &store, id: self.id, row, claim, along: along(&keep) };
        let state = store.change(&change).await?;
        self.writer.kept(&keep);
        Ok(state)
    }

    async fn create(
        &mut self,
        last: Last,
        upload: &Upload,
        taking: Taking,
        bounds: Bounds,
        claim: Option<Timestamp>,
    ) -> Result<Created, StoreError> {
        // How long a sync that was begun is waited for, the writer knows.
        self.writer.write(last.data).await?;
        let store = Arc::clone(&self.writer.shared.store);
        if let Some(ahead) = self.ahead(upload.offset, claim).await? {
            let along: Option<&dyn Along> = Some(&ahead);
            let change = Create { store: &store, upload, taking, bounds, claim, along };
            let created = store.change(&change).await?;
            if created.is_new() {
                self.writer.has_file();
            }
            return Ok(created);
        }
        let keep = self.writer.ready(upload.offset, false).await?;
        let along = along(&keep);
        let created = store.change(&Create { store: &store, upload, taking, bounds, claim, along }).await?;
        if created.is_new() {
            self.writer.kept(&keep);
        }
        Ok(created)
    }
}

impl ObjectAppend {
    /// The object of an upload that ends here, if its message is to be claimed and its bytes can be put ahead
    /// of their record.
    async fn ahead(&self, end: u64, claim: Option<Timestamp>) -> Result<Option<Ahead>, StoreError> {
        if claim.is_some() { self.writer.put_ahead(end).await } else { Ok(None) }
    }
}

fn along(keep: &Keep) -> Option<&dyn Along> {
    (!keep.is_nothing()).then_some(keep)
}

/// The port of bytes without rows: what is synced is ahead of the ledger.
#[async_trait]
impl Sink for Writer {
    async fn write(&mut self, data: Vec<Bytes>) -> Result<(), StoreError> {
        Self::write(self, data).await
    }

    async fn sync(&mut self, data: Vec<Bytes>) -> Result<(), StoreError> {
        Self::write(self, data).await?;
        self.land_all_but(0).await?;
        self.keep_all().await
    }
}
