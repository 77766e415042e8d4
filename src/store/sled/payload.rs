//! Bytes of small uploads beside their records, through the same committer. That costs five sixths of a
//! file's speed, and space that is never given back, so it is capped, and for operators who want no files.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream;

use super::engine::core::{Answer, Core};
use super::store::SledStore;
use super::tables::{blocks, keys};
use crate::store::{ByteStream, Payloads, Place, Room, Sink, Source, StoreError};
use crate::time::Timestamp;
use crate::upload::{Epoch, UploadId};

/// The most bytes that one operation writes, and the most blocks that one operation deletes.
const WRITE_BYTES: usize = 256 * 1024;
const DELETE_BLOCKS: usize = 64;
/// How many bytes a reader takes at a time.
const READ_BYTES: u64 = 64 * 1024;

/// Bytes in the database of a [`SledStore`].
#[derive(Clone)]
pub struct SledPayloads {
    core: Arc<Core>,
    folder: PathBuf,
    reserve: u64,
    max_size: u64,
}

impl SledPayloads {
    /// The bytes in `store`, for uploads of at most `max_size` bytes. `folder` is any folder on the store's
    /// file system, of which `reserve` bytes are kept free.
    pub fn new(store: &SledStore, folder: &Path, reserve: u64, max_size: u64) -> Self {
        Self { core: Arc::clone(&store.core), folder: folder.to_owned(), reserve, max_size }
    }

    async fn cut(&self, id: UploadId, length: u64) -> Result<(), StoreError> {
        while self.core.change(move |view| blocks::cut(view, id, length, DELETE_BLOCKS)).await? {}
        Ok(())
    }
}

#[async_trait]
impl Payloads for SledPayloads {
    async fn open(&self, id: UploadId, _: Epoch, offset: u64) -> Result<Box<dyn Sink>, StoreError> {
        let (is_part, length) =
            self.core.read(|tree| Ok((blocks::is_part(tree, id)?, blocks::length(tree, id)?))).await?;
        if length > 0 && !is_part {
            // A final upload that is asked for again has its id again, and its message has the bytes.
            return Err(StoreError::Damaged(format!("the bytes of upload {id} are a message's")));
        }
        if length < offset {
            return Err(StoreError::Damaged(format!("upload {id} has {length} bytes, its ledger {offset}")));
        }
        if length > offset {
            self.cut(id, offset).await?;
        }
        Ok(Box::new(SledSink { core: Arc::clone(&self.core), id, offset, writing: Writing::Nothing }))
    }

    async fn place(&self, id: UploadId, length: u64, _: &Place) -> Result<(), StoreError> {
        let (is_part, found) =
            self.core.read(|tree| Ok((blocks::is_part(tree, id)?, blocks::length(tree, id)?))).await?;
        // A crash left the bytes beyond the ledger.
        if is_part && found > length {
            self.cut(id, length).await?;
        }
        self.core.change(move |view| blocks::place(view, id, length)).await
    }

    async fn give_up(&self, id: UploadId, length: u64, place: &Place) -> Result<bool, StoreError> {
        match self.place(id, length, place).await {
            Err(StoreError::Damaged(_)) => {}
            placed => return placed.map(|()| false),
        }
        // They may be marked as placed.
        self.core.change(move |view| view.mark(keys::part(id), true)).await?;
        self.discard(id).await?;
        Ok(true)
    }

    async fn discard(&self, id: UploadId) -> Result<(), StoreError> {
        while self.core.change(move |view| blocks::free(view, id, DELETE_BLOCKS)).await? {}
        Ok(())
    }

    async fn read(&self, source: &Source, range: Range<u64>) -> Result<ByteStream, StoreError> {
        let (id, is_part) = match source {
            Source::Part(id) => (*id, true),
            Source::Placed(_, id) => (*id, false),
        };
        if !range.is_empty() && self.core.read(|tree| blocks::is_part(tree, id)).await? != is_part {
            return Err(StoreError::Damaged(format!("upload {id} is not where it is looked for")));
        }
        let core = Arc::clone(&self.core);
        Ok(Box::pin(stream::try_unfold(range, move |rest| {
            let core = Arc::clone(&core);
            async move {
                if rest.is_empty() {
                    return Ok(None);
                }
                let middle = rest.end.min(rest.start.saturating_add(READ_BYTES));
                let piece = core.read(|tree| blocks::read(tree, id, rest.start..middle)).await?;
                Ok(Some((piece, middle..rest.end)))
            }
        })))
    }

    async fn parts(
        &self,
        _: Timestamp,
        after: Option<UploadId>,
        limit: usize,
    ) -> Result<Vec<UploadId>, StoreError> {
        let damaged = || StoreError::Damaged("an index of parts".into());
        let start = after.map_or_else(keys::every_part, |id| keys::after(&keys::part(id)));
        self.core
            .read(|tree| {
                let rows = tree.rows(start.clone()..keys::end_of(&keys::every_part()));
                rows.take(limit).map(|row| keys::upload_at_end(&row?.0).ok_or_else(damaged)).collect()
            })
            .await
    }

    async fn room(&self) -> Result<Room, StoreError> {
        let (folder, reserve) = (self.folder.clone(), self.reserve);
        let asked = tokio::task::spawn_blocking(move || rustix::fs::statvfs(&folder)).await;
        let space = asked
            .map_err(|error| StoreError::Unavailable(error.to_string()))?
            .map_err(|errno| StoreError::Io(errno.into()))?;
        Ok(Room::Bytes(space.f_bavail.saturating_mul(space.f_frsize).saturating_sub(reserve)))
    }
}

impl fmt::Debug for SledPayloads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SledPayloads").field("max_size", &self.max_size).finish_non_exhaustive()
    }
}

/// An upload open for appending. At most one operation of it is under way.
struct SledSink {
    core: Arc<Core>,
    id: UploadId,
    offset: u64,
    writing: Writing,
}

enum Writing {
    Nothing,
    Under(Answer<()>),
    /// An earlier write failed, so the next one would leave a hole.
    Failed,
}

impl SledSink {
    async fn settle(&mut self) -> Result<(), StoreError> {
        match std::mem::replace(&mut self.writing, Writing::Failed) {
            Writing::Nothing => {}
            Writing::Under(answer) => answer.wait().await?,
            Writing::Failed => return Err(StoreError::Unavailable("an earlier write failed".into())),
        }
        self.writing = Writing::Nothing;
        Ok(())
    }

    async fn append(&mut self, piece: Vec<Bytes>) -> Result<(), StoreError> {
        self.settle().await?;
        let (id, offset) = (self.id, self.offset);
        let length: usize = piece.iter().map(Bytes::len).sum();
        self.offset += u64::try_from(length).expect("a piece is small");
        self.writing = Writing::Failed;
        let answer = self.core.submit(move |view| blocks::write(view, id, offset, &piece)).await?;
        self.writing = Writing::Under(answer);
        Ok(())
    }
}

#[async_trait]
impl Sink for SledSink {
    async fn write(&mut self, data: Vec<Bytes>) -> Result<(), StoreError> {
        for piece in pieces(data) {
            self.append(piece).await?;
        }
        Ok(())
    }

    async fn sync(&mut self, data: Vec<Bytes>) -> Result<(), StoreError> {
        self.write(data).await?;
        self.settle().await
    }
}

/// The data in pieces for one operation each, without empty ones.
fn pieces(data: Vec<Bytes>) -> Vec<Vec<Bytes>> {
    let (mut pieces, mut piece, mut size) = (Vec::new(), Vec::new(), 0);
    for mut bytes in data {
        while !bytes.is_empty() {
            let taken = bytes.split_to(bytes.len().min(WRITE_BYTES - size));
            size += taken.len();
            piece.push(taken);
            if size == WRITE_BYTES {
                pieces.push(std::mem::take(&mut piece));
                size = 0;
            }
        }
    }
    if !piece.is_empty() {
        pieces.push(piece);
    }
    pieces
}
