//! The port of bytes.

use std::ops::Range;
use std::pin::Pin;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, Stream, TryStreamExt};

use super::error::StoreError;
use crate::message::{Message, MessageId};
use crate::time::Timestamp;
use crate::upload::{Epoch, UploadId};

/// Bytes of uploads while they grow, and of messages for good.
#[async_trait]
pub trait Payloads: Send + Sync + 'static {
    /// Opens an upload's bytes for appending at `offset`, up to which the ledger says they are durable. Bytes
    /// beyond it, which a crash left, are cut off before the first new byte is written. Only for the holder
    /// of the upload in this epoch. Where several processes share the bytes, those of an earlier epoch that
    /// are not in the ledger by now are never read: a late write in that epoch is refused
    /// ([`StoreError::Fenced`]), or has no effect.
    ///
    /// # Errors
    /// [`StoreError::Damaged`], at the latest with the first write, if there are fewer bytes than `offset`.
    async fn open(&self, id: UploadId, epoch: Epoch, offset: u64) -> Result<Box<dyn Sink>, StoreError>;

    /// Ends the appending to an upload that has all of its bytes, `length` many: from now on they can be read
    /// as [`Source::Part`]. May be repeated. Called when a record that is owed no message becomes complete,
    /// and again before its bytes are read, as a kill may have come in between. There is nothing to do where
    /// bytes can be read as soon as they are written.
    ///
    /// # Errors
    /// [`StoreError::Damaged`], at the latest when they are read, if there are fewer bytes.
    async fn seal(&self, _id: UploadId, _length: u64) -> Result<(), StoreError> {
        Ok(())
    }

    /// Makes the first `length` bytes of `part` those of `id` as well, by sharing them: `part` keeps them,
    /// and `id` continues after them. Durable when it answers, and may be repeated. `false` if they cannot be
    /// shared, or are already: then they have to be copied, from offset zero.
    ///
    /// Only for a sealed `part`, and an `id` without a row in its ledger.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if the part has fewer bytes.
    async fn adopt(&self, _id: UploadId, _part: UploadId, _length: u64) -> Result<bool, StoreError> {
        Ok(false)
    }

    /// Appends ranges of other, sealed uploads' bytes at `offset`, one after the other, under the rule of
    /// [`Payloads::open`]. Durable when it answers.
    ///
    /// # Errors
    /// The errors of [`Payloads::open`] and [`Payloads::read`].
    async fn copy(
        &self,
        id: UploadId,
        epoch: Epoch,
        offset: u64,
        ranges: Vec<(UploadId, Range<u64>)>,
    ) -> Result<(), StoreError> {
        let mut sink = self.open(id, epoch, offset).await?;
        for (part, range) in ranges {
            let mut pieces = self.read(&Source::Part(part), range).await?;
            while let Some(piece) = pieces.try_next().await? {
                sink.write(vec![piece]).await?;
            }
        }
        sink.sync(Vec::new()).await
    }

    /// Frees the bytes behind the first `length` bytes of `part`, unless they belong to an upload that
    /// adopted it: an upload that did, and was discarded, may have left its bytes there. Only for a `part`
    /// that gets no more bytes.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is lost by it.
    async fn trim(&self, _part: UploadId, _length: u64) -> Result<(), StoreError> {
        Ok(())
    }

    /// Makes the bytes of a complete upload of `length` bytes, sealed or not, the file of a message; may be
    /// repeated. Durable when the message is committed, at the latest.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if the bytes are at neither place, or are not `length` many, and that is sure:
    /// it ends the upload. [`StoreError::Unavailable`] as long as they may turn up again.
    async fn place(&self, id: UploadId, length: u64, place: &Place) -> Result<(), StoreError>;

    /// Gives up the bytes of a complete upload of `length` bytes that [`Payloads::place`] found damaged: from
    /// now on no process can place them, and what is left of them at either place is freed. `false`, and
    /// nothing is freed, if they are placed after all. May be repeated.
    async fn give_up(&self, id: UploadId, length: u64, place: &Place) -> Result<bool, StoreError>;

    /// Frees the bytes of an upload that were not placed. Bytes that are not there count as freed.
    async fn discard(&self, id: UploadId) -> Result<(), StoreError>;

    /// Reads a range of the source. Bytes of an upload that is not sealed may be refused: an object store has
    /// nothing to read before it was given all parts.
    ///
    /// # Errors
    /// [`StoreError::Missing`] if the source is gone; [`StoreError::Unsealed`] if it has to be sealed first;
    /// [`StoreError::Damaged`], at once or where it ends, if it is too short.
    async fn read(&self, source: &Source, range: Range<u64>) -> Result<ByteStream, StoreError>;

    /// A URL under which any client gets the source from the store itself, for a while and described as here,
    /// if the store gives any.
    ///
    /// # Errors
    /// [`StoreError::Missing`] if the source is gone, as far as that is known without asking for its bytes.
    async fn url(&self, _source: &Source, _shown: &Shown) -> Result<Option<String>, StoreError> {
        Ok(None)
    }

    /// Uploads that have bytes which were not placed, in an order of the store's own, after `after`, at most
    /// `limit`. A store that several processes share leaves out those that were written to since
    /// `written_before`: they may be of an upload that has no record yet.
    async fn parts(
        &self,
        written_before: Timestamp,
        after: Option<UploadId>,
        limit: usize,
    ) -> Result<Vec<UploadId>, StoreError>;

    /// The room before the reserve is touched, as of a moment ago.
    async fn room(&self) -> Result<Room, StoreError>;

    /// The room before the reserve is touched, as of this very moment.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn room_now(&self) -> Result<Room, StoreError> {
        self.room().await
    }

    /// Tries out what [`Payloads::place`] does, with bytes of no upload: while that fails, every upload
    /// fails.
    ///
    /// # Errors
    /// The reason why it fails.
    async fn probe(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

/// The room for bytes in a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// This many bytes may still be stored.
    Bytes(u64),
    /// The store has no bound that it could tell, as an object store.
    Unbounded,
}

impl Room {
    /// How many bytes may be stored; more than any upload has, if there is no bound.
    pub fn bytes(self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Unbounded => u64::MAX,
        }
    }
}

/// What is known of the bytes that a request is about to bring.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Coming {
    /// The offset of the first.
    pub from: u64,
    /// The offset at which the request ends, if it says so.
    pub until: Option<u64>,
    /// The length of the upload, if it is known.
    pub length: Option<u64>,
}

/// An upload's bytes, open for appending by its holder: one writer at a time.
#[async_trait]
pub trait Sink: Send {
    /// Appends bytes. The answer may come before they are written, so that the caller can receive the next
    /// ones meanwhile; an error then comes with the next call.
    async fn write(&mut self, data: Vec<Bytes>) -> Result<(), StoreError>;

    /// Begins to make everything that was appended so far durable. More may be appended before that is done;
    /// an error of it comes nowhere else.
    async fn begin_sync(&mut self) -> Result<Syncing, StoreError> {
        self.sync(Vec::new()).await?;
        Ok(std::future::ready(Ok(())).boxed())
    }

    /// Appends bytes, then makes everything that was appended durable.
    async fn sync(&mut self, data: Vec<Bytes>) -> Result<(), StoreError>;
}

/// A sync begun with [`Sink::begin_sync`]. If it is dropped, the sync goes on, and its outcome is lost.
pub type Syncing = BoxFuture<'static, Result<(), StoreError>>;

/// The place of a message's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The message.
    pub message: MessageId,
    /// The file's name in the message's folder: one safe path part.
    pub file_name: String,
}

impl Place {
    /// The place of a message's file.
    pub fn of(message: &Message) -> Self {
        Self { message: message.id, file_name: message.stored_name.clone() }
    }
}

/// The bytes to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// An upload's bytes that were not placed.
    Part(UploadId),
    /// A message's file, and the upload it came from.
    Placed(Place, UploadId),
}

/// A request for bytes that a client is to send to the store, and what its answer says of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Whether only the headers are asked for.
    pub is_head: bool,
    /// `Content-Type` of the answer.
    pub content_type: String,
    /// `Content-Disposition` of the answer.
    pub disposition: String,
    /// How long the request may be sent.
    pub valid: Duration,
}

/// Bytes in order; the stream ends early only with an error.
pub type ByteStream = Pin<Box<dyn Stream<Item = Result<Bytes, StoreError>> + Send>>;
