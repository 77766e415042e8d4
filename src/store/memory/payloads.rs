//! Bytes in memory.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream;

use super::lock;
use crate::message::MessageId;
use crate::store::{ByteStream, Payloads, Place, Room, Sink, Source, StoreError};
use crate::time::Timestamp;
use crate::upload::{Epoch, UploadId};

/// Parts and files as vectors. Clones share what they store.
#[derive(Debug, Clone, Default)]
pub struct MemoryPayloads {
    stored: Arc<Mutex<Stored>>,
}

#[derive(Debug, Default)]
struct Stored {
    parts: BTreeMap<UploadId, Vec<u8>>,
    /// The time when each part was last written to.
    written: HashMap<UploadId, Timestamp>,
    /// The latest epoch in which each upload was opened.
    epochs: HashMap<UploadId, Epoch>,
    /// The sealed uploads, where no other part can be read.
    sealed: Option<HashSet<UploadId>>,
    files: BTreeMap<(MessageId, String), Vec<u8>>,
    room: Option<u64>,
    size: Option<u64>,
}

impl MemoryPayloads {
    /// An empty store with room for this many bytes.
    pub fn of_size(size: u64) -> Self {
        let payloads = Self::default();
        payloads.set_size(size);
        payloads
    }

    /// An empty store whose parts are read once they are sealed and written to before, as those of an object
    /// store.
    pub fn sealing() -> Self {
        let payloads = Self::default();
        lock(&payloads.stored).sealed = Some(HashSet::new());
        payloads
    }

    /// Sets the room to this many bytes, including those that are stored.
    pub fn set_size(&self, size: u64) {
        lock(&self.stored).size = Some(size);
    }

    /// How many bytes are stored.
    pub fn stored(&self) -> u64 {
        lock(&self.stored).bytes()
    }

    /// Sets the free room to this many bytes, however many are stored.
    pub fn set_room(&self, room: u64) {
        lock(&self.stored).room = Some(room);
    }
}

impl Stored {
    /// Lets a holder write, and from then on none of an earlier epoch.
    fn enter(&mut self, id: UploadId, epoch: Epoch) -> Result<(), StoreError> {
        let latest = self.epochs.entry(id).or_insert(epoch);
        *latest = epoch.max(*latest);
        if *latest == epoch { Ok(()) } else { Err(StoreError::Fenced) }
    }

    /// Forgets an upload, so that one with this id begins anew.
    fn forget(&mut self, id: UploadId) {
        self.parts.remove(&id);
        self.written.remove(&id);
        self.epochs.remove(&id);
        if let Some(sealed) = &mut self.sealed {
            sealed.remove(&id);
        }
    }

    /// Whether the store has parts that are sealed, and this is one.
    fn is_sealed(&self, id: UploadId) -> Option<bool> {
        self.sealed.as_ref().map(|sealed| sealed.contains(&id))
    }

    fn bytes(&self) -> u64 {
        let lengths = self.parts.values().chain(self.files.values()).map(|bytes| bytes.len() as u64);
        lengths.sum()
    }
}

#[async_trait]
impl Payloads for MemoryPayloads {
    async fn open(&self, id: UploadId, epoch: Epoch, offset: u64) -> Result<Box<dyn Sink>, StoreError> {
        lock(&self.stored).enter(id, epoch)?;
        let (stored, offset) = (Arc::clone(&self.stored), length_in_memory(offset)?);
        Ok(Box::new(MemorySink { stored, id, epoch, offset }))
    }

    async fn seal(&self, id: UploadId, length: u64) -> Result<(), StoreError> {
        let length = length_in_memory(length)?;
        let mut stored = lock(&self.stored);
        let Stored { parts, sealed: Some(sealed), .. } = &mut *stored else { return Ok(()) };
        let found = parts.get(&id).map_or(0, Vec::len);
        if found < length {
            return Err(StoreError::Damaged(format!("part of {id} has {found} of {length} bytes")));
        }
        if let Some(part) = parts.get_mut(&id) {
            part.truncate(length);
        }
        sealed.insert(id);
        Ok(())
    }

    async fn place(&self, id: UploadId, length: u64, place: &Place) -> Result<(), StoreError> {
        let length = length_in_memory(length)?;
        let key = (place.message, place.file_name.clone());
        let mut stored = lock(&self.stored);
        if stored.files.get(&key).is_some_and(|file| file.len() == length) {
            return Ok(());
        }
        let part = stored.parts.get(&id).map_or(&[][..], Vec::as_slice);
        // A crash left the bytes beyond the length; no ledger knows of them.
        let Some(file) = part.get(..length).map(<[u8]>::to_vec) else {
            return Err(StoreError::Damaged(format!("part of {id} has {} of {length} bytes", part.len())));
        };
        stored.files.insert(key, file);
        stored.forget(id);
        Ok(())
    }

    async fn give_up(&self, id: UploadId, length: u64, place: &Place) -> Result<bool, StoreError> {
        match self.place(id, length, place).await {
            Err(StoreError::Damaged(_)) => {}
            placed => return placed.map(|()| false),
        }
        let mut stored = lock(&self.stored);
        stored.files.remove(&(place.message, place.file_name.clone()));
        stored.forget(id);
        Ok(true)
    }

    async fn discard(&self, id: UploadId) -> Result<(), StoreError> {
        lock(&self.stored).forget(id);
        Ok(())
    }

    async fn read(&self, source: &Source, range: Range<u64>) -> Result<ByteStream, StoreError> {
        let stored = lock(&self.stored);
        let bytes = match source {
            Source::Part(id) if stored.is_sealed(*id) == Some(false) => return Err(StoreError::Unsealed),
            Source::Part(id) => stored.parts.get(id),
            Source::Placed(place, _) => stored.files.get(&(place.message, place.file_name.clone())),
        };
        let range = length_in_memory(range.start)?..length_in_memory(range.end)?;
        let found = bytes.map_or(&[][..], Vec::as_slice).get(range).map(Bytes::copy_from_slice);
        let piece = found.ok_or_else(|| StoreError::Damaged("fewer bytes than their record says".into()))?;
        Ok(Box::pin(stream::iter([Ok(piece)])))
    }

    async fn parts(
        &self,
        written_before: Timestamp,
        after: Option<UploadId>,
        limit: usize,
    ) -> Result<Vec<UploadId>, StoreError> {
        let stored = lock(&self.stored);
        let later = stored.parts.keys().copied().filter(|id| after.is_none_or(|after| *id > after));
        let old = later.filter(|id| stored.written.get(id).is_none_or(|written| *written < written_before));
        Ok(old.take(limit).collect())
    }

    async fn room(&self) -> Result<Room, StoreError> {
        let stored = lock(&self.stored);
        let left = stored.size.map(|size| size.saturating_sub(stored.bytes()));
        Ok(left.or(stored.room).map_or(Room::Unbounded, Room::Bytes))
    }
}

struct MemorySink {
    stored: Arc<Mutex<Stored>>,
    id: UploadId,
    epoch: Epoch,
    offset: usize,
}

#[async_trait]
impl Sink for MemorySink {
    async fn write(&mut self, data: Vec<Bytes>) -> Result<(), StoreError> {
        let mut stored = lock(&self.stored);
        stored.enter(self.id, self.epoch)?;
        if stored.is_sealed(self.id) == Some(true) {
            return Err(StoreError::Unavailable(format!("upload {} is sealed", self.id)));
        }
        if stored.parts.get(&self.id).map_or(0, Vec::len) < self.offset {
            return Err(StoreError::Damaged(format!("part of {} is shorter than its ledger", self.id)));
        }
        stored.written.insert(self.id, Timestamp::now());
        let part = stored.parts.entry(self.id).or_default();
        part.truncate(self.offset);
        for bytes in data {
            part.extend_from_slice(&bytes);
        }
        self.offset = part.len();
        Ok(())
    }

    async fn sync(&mut self, data: Vec<Bytes>) -> Result<(), StoreError> {
        self.write(data).await
    }
}

fn length_in_memory(length: u64) -> Result<usize, StoreError> {
    usize::try_from(length).map_err(|_| StoreError::Full)
}
