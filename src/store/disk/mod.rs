//! Bytes in files: a part file for each upload that grows, and the message's file for good, on one file
//! system, so that finishing an upload is a rename.
//!
//! ```text
//! <data folder>/parts/<bucket>/<upload id>           while bytes are missing
//! <data folder>/chats/<message id>/<file name>       afterwards
//! ```
//! One process owns the folders, and its leases let an upload have one writer at a time: epochs are not
//! needed here. `buckets` says which part is in which bucket. The folders of messages are all in one, which
//! people look into.

mod buckets;
mod copy;
mod direct;
mod idle;
mod join;
mod lent;
mod part;
mod place;
mod probe;
mod read;
mod sink;
mod unsettled;

use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;

use super::{ByteStream, Durability, Payloads, Place, Room, Sink, Source, StoreError};
use crate::time::Timestamp;
use crate::upload::{Epoch, UploadId};
use buckets::{Bucket, Buckets};
use direct::Direct;
use idle::Idle;
use part::Part;
pub(in crate::store) use sink::DiskSink;
use unsettled::Unsettled;

/// How long the last answer about free space is used.
const ASK_AGAIN: Duration = Duration::from_millis(20);

/// The folders of the files, and how carefully they are written.
#[derive(Debug, Clone)]
pub struct Disk {
    folders: Arc<Folders>,
}

#[derive(Debug)]
struct Folders {
    buckets: Buckets,
    chats: PathBuf,
    durability: Durability,
    reserve: u64,
    asked: Mutex<Option<(Instant, u64)>>,
    unsettled: Unsettled,
    idle: Idle,
    direct: Arc<Direct>,
    /// Held while a file is given a second name, or cut because it has none.
    sharing: Mutex<()>,
    /// Held while a probe tries out whether uploads can be finished.
    probing: Mutex<()>,
    /// Whether a record store carries bytes, and the places of moved files, until they are durable.
    has_carrier: AtomicBool,
}

impl Disk {
    /// Opens the folders below `data`, and makes those that are missing. `reserve` bytes of the file system
    /// are kept free.
    ///
    /// # Errors
    /// The error of the operating system; [`io::ErrorKind::CrossesDevices`] if a finished file cannot be
    /// moved from the one folder to the other.
    pub fn open(data: &Path, durability: Durability, reserve: u64) -> io::Result<Self> {
        let (parts, chats) = (data.join("parts"), data.join("chats"));
        let folders = Folders::new(parts, chats, durability, reserve);
        fs::create_dir_all(folders.buckets.parts())?;
        fs::create_dir_all(&folders.chats)?;
        match folders.probe() {
            // A full disk does not stay full, and what is stored can be read meanwhile.
            Err(error) if is_full(&error) => {}
            outcome => outcome?,
        }
        folders.sync_folder(data)?;
        Ok(Self { folders: Arc::new(folders) })
    }

    /// The folders below `data` as they are, for reading only.
    pub fn look(data: &Path) -> Self {
        let (parts, chats) = (data.join("parts"), data.join("chats"));
        Self { folders: Arc::new(Folders::new(parts, chats, Durability::Process, 0)) }
    }

    /// The names below the folder of parts that are not parts, for a report; none if there is no such folder.
    ///
    /// # Errors
    /// The error of the operating system.
    pub fn foreign_parts(&self) -> io::Result<Vec<String>> {
        match self.folders.buckets.foreign() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            foreign => foreign,
        }
    }

    /// The bytes of an upload, open for appending. The file is opened by the first write, on the thread that
    /// writes.
    pub(in crate::store) fn sink(&self, id: UploadId, offset: u64) -> DiskSink {
        DiskSink::new(Part::new(Arc::clone(&self.folders), id, offset))
    }

    /// Runs file work on a blocking thread.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Folders) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let folders = Arc::clone(&self.folders);
        join(tokio::task::spawn_blocking(move || work(&folders)).await)
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// The outcome of blocking work; a panic in it is a failure of the store, not of the process.
fn join<T>(outcome: Result<Result<T, StoreError>, tokio::task::JoinError>) -> Result<T, StoreError> {
    outcome.unwrap_or_else(|error| Err(StoreError::Unavailable(error.to_string())))
}

impl Folders {
    fn new(parts: PathBuf, chats: PathBuf, durability: Durability, reserve: u64) -> Self {
        Self {
            buckets: Buckets::new(parts),
            chats,
            durability,
            reserve,
            asked: Mutex::default(),
            unsettled: Unsettled::default(),
            idle: Idle::default(),
            direct: Arc::new(Direct::new(reserve)),
            sharing: Mutex::default(),
            probing: Mutex::default(),
            has_carrier: AtomicBool::new(false),
        }
    }

    /// Whether a record store sees to it that what is written, or moved, becomes durable.
    fn is_carried(&self) -> bool {
        self.durability.syncs() && self.has_carrier.load(Ordering::Acquire)
    }

    fn part(&self, id: UploadId) -> PathBuf {
        self.buckets.part(id)
    }

    fn folder_of(&self, place: &Place) -> PathBuf {
        self.chats.join(place.message.to_string())
    }

    fn file_of(&self, source: &Source) -> PathBuf {
        match source {
            Source::Part(id) => {
                let (part, former) = (self.part(*id), self.buckets.former_part(*id));
                // A folder that is only read may have the former layout.
                if !part.exists() && former.exists() { former } else { part }
            }
            Source::Placed(place, _) => self.folder_of(place).join(&place.file_name),
        }
    }

    fn make_durable(&self, file: &File) -> io::Result<()> {
        if self.durability.syncs() { file.sync_data() } else { Ok(()) }
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        if self.durability.syncs() { File::open(folder)?.sync_all() } else { Ok(()) }
    }

    /// Brings the folder of parts in order, and makes durable what a killed process left in it.
    fn tidy(&self) -> io::Result<()> {
        let is_changed = match self.buckets.tidy() {
            // Where bytes are in the database, there is no folder of parts.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            outcome => outcome?,
        };
        if is_changed && self.durability.syncs() {
            rustix::fs::syncfs(File::open(self.buckets.parts())?)?;
        }
        self.sync_folder(self.buckets.parts())
    }

    /// Makes the name of a part durable.
    fn sync_name(&self, id: UploadId) -> io::Result<()> {
        let bucket = Bucket::of(id);
        match self.sync_folder(&self.buckets.folder(bucket)) {
            // The bucket was removed, so the part was moved or freed, and there is nothing to make durable.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            synced => {
                synced.and_then(|()| self.buckets.make_durable(bucket, |parts| self.sync_folder(parts)))
            }
        }
    }

    fn discard(&self, id: UploadId) -> Result<(), StoreError> {
        let part = self.part(id);
        self.unsettled.forget(id, &part);
        self.idle.forget(id);
        match fs::remove_file(part) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => Ok(removed.map(|()| self.buckets.left(Bucket::of(id)))?),
        }
    }

    /// The free space, as the operating system said at most this long ago: the reserve is for what happens
    /// meanwhile.
    fn room(&self, ask_again: Duration) -> Result<u64, StoreError> {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, room)) = *asked
            && at.elapsed() < ask_again
        {
            return Ok(room);
        }
        let stat = rustix::fs::statvfs(self.buckets.parts()).map_err(io::Error::from)?;
        let free = stat.f_bavail.saturating_mul(stat.f_frsize).saturating_add(self.direct.ahead());
        let room = free.saturating_sub(self.reserve);
        *asked = Some((Instant::now(), room));
        Ok(room)
    }
}

#[async_trait]
impl Payloads for Disk {
    async fn open(&self, id: UploadId, _: Epoch, offset: u64) -> Result<Box<dyn Sink>, StoreError> {
        Ok(Box::new(self.sink(id, offset)))
    }

    async fn adopt(&self, id: UploadId, part: UploadId, length: u64) -> Result<bool, StoreError> {
        self.blocking(move |folders| folders.adopt(id, part, length)).await
    }

    async fn trim(&self, part: UploadId, length: u64) -> Result<(), StoreError> {
        self.blocking(move |folders| folders.trim(part, length)).await
    }

    async fn copy(
        &self,
        id: UploadId,
        _: Epoch,
        offset: u64,
        ranges: Vec<(UploadId, Range<u64>)>,
    ) -> Result<(), StoreError> {
        let target = Part::new(Arc::clone(&self.folders), id, offset);
        self.blocking(move |folders| join::copy(folders, target, ranges)).await
    }

    async fn place(&self, id: UploadId, length: u64, place: &Place) -> Result<(), StoreError> {
        if !self.folders.durability.syncs() {
            // Placing is a few changes in memory: the hop to another thread and back would cost as much.
            return self.folders.place(id, length, place);
        }
        let place = place.clone();
        self.blocking(move |folders| folders.place(id, length, &place)).await
    }

    async fn give_up(&self, id: UploadId, length: u64, place: &Place) -> Result<bool, StoreError> {
        let place = place.clone();
        self.blocking(move |folders| folders.give_up(id, length, &place)).await
    }

    async fn discard(&self, id: UploadId) -> Result<(), StoreError> {
        self.blocking(move |folders| folders.discard(id)).await
    }

    async fn read(&self, source: &Source, range: Range<u64>) -> Result<ByteStream, StoreError> {
        let cached = match source {
            Source::Placed(..) => read::open_cached(&self.folders.file_of(source)),
            Source::Part(_) => None,
        };
        let file = match cached {
            Some(file) => file,
            None => {
                let source = source.clone();
                self.blocking(move |folders| read::open(&folders.file_of(&source), &source)).await?
            }
        };
        read::stream(file, source, range)
    }

    async fn parts(
        &self,
        _: Timestamp,
        after: Option<UploadId>,
        limit: usize,
    ) -> Result<Vec<UploadId>, StoreError> {
        self.blocking(move |folders| Ok(folders.buckets.page(after, limit)?)).await
    }

    async fn room(&self) -> Result<Room, StoreError> {
        Ok(Room::Bytes(self.folders.room(ASK_AGAIN)?))
    }

    async fn room_now(&self) -> Result<Room, StoreError> {
        Ok(Room::Bytes(self.folders.room(Duration::ZERO)?))
    }

    async fn probe(&self) -> Result<(), StoreError> {
        self.blocking(|folders| Ok(folders.probe()?)).await
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::message::MessageId;
    use crate::store::contract::PayloadsFixture;

    struct Fixture {
        folder: TempDir,
        disk: Disk,
    }

    impl Fixture {
        fn new() -> Self {
            let folder = tempfile::tempdir().expect("a folder");
            let disk = open(folder.path());
            Self { folder, disk }
        }
    }

    fn open(folder: &Path) -> Disk {
        Disk::open(folder, Durability::Power, 0).expect("opened")
    }

    impl PayloadsFixture for Fixture {
        fn payloads(&self) -> Arc<dyn Payloads> {
            Arc::new(self.disk.clone())
        }

        fn reopen(&mut self) {
            self.disk = open(self.folder.path());
        }
    }

    crate::store::contract::payloads_contract!(Fixture::new());

    #[tokio::test]
    async fn a_file_that_an_older_version_placed_takes_the_name_by_todays_rules() {
        for bytes in [&b"film"[..], b""] {
            let fixture = Fixture::new();
            let (id, message) = (UploadId::random(), MessageId::from_bytes([7; 12]));
            let folder = fixture.folder.path().join("chats").join(message.to_string());
            std::fs::create_dir_all(&folder).expect("a folder");
            std::fs::write(folder.join("cafe.mp4"), bytes).expect("a file");
            let place = Place { message, file_name: "caf\u{e9}.mp4".into() };
            let length = u64::try_from(bytes.len()).expect("small");
            for _ in 0..2 {
                fixture.disk.place(id, length, &place).await.expect("placed");
                let files: Vec<_> = std::fs::read_dir(&folder).expect("there").collect();
                assert_eq!(files.len(), 1, "one file");
                assert_eq!(std::fs::read(folder.join("caf\u{e9}.mp4")).expect("its name"), bytes);
            }
        }
    }
}
