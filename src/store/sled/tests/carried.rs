//! Small bytes in the journal: the next start restores whatever a power cut takes from the files.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::TryStreamExt;
use tempfile::TempDir;

use crate::store::contract::DatabaseFixture;
use crate::store::contract::samples::{bound, claim, commit, found, last_row, row, store, transition};
use crate::store::disk::{Disk, DiskSink};
use crate::store::embedded::{Carried, Carrying, Files};
use crate::store::sled::SledStore;
use crate::store::{
    Appends, Durability, Last, Memberships, Messages, Payloads, Place, Records, Source, StoreError, Taking,
};
use crate::time::Timestamp;
use crate::upload::{Bounds, Epoch, Length, RejectionReason, State, Upload, UploadId};

const BYTES: &[u8] = b"0123456789";

/// Records and files in a data folder.
struct House {
    folder: TempDir,
    disk: Disk,
    store: Option<Arc<SledStore>>,
}

impl House {
    fn new() -> Self {
        Self::in_folder(tempfile::tempdir().expect("a folder"))
    }

    fn in_folder(folder: TempDir) -> Self {
        let disk = Disk::open(folder.path(), Durability::Power, 0).expect("opened");
        let store = SledStore::open_beside(disk.files(), &folder.path().join("records"), Durability::Power);
        Self { disk, store: Some(Arc::new(store.expect("opened"))), folder }
    }

    /// The folder after a power cut that took from the files what `taking` takes.
    fn after_power_cut(&self, taking: impl Fn(&Path)) -> Self {
        let copy = tempfile::tempdir().expect("a folder");
        copy_all(self.folder.path(), copy.path());
        taking(copy.path());
        Self::in_folder(copy)
    }

    /// The folder after each loss that a power cut may cause to a file that was moved, with the move undone
    /// or not.
    fn after_each_loss(&self, id: UploadId) -> impl Iterator<Item = Self> {
        let losses = losses().into_iter().flat_map(|taking| [(taking, false), (taking, true)]);
        losses.map(move |(taking, is_undone)| {
            self.after_power_cut(|data| {
                if is_undone {
                    undo_move(data, id);
                }
                taking(data);
            })
        })
    }

    /// Asserts that the file is at its place, and nowhere else.
    async fn has_placed(&self, place: &Place, id: UploadId) {
        assert_eq!(self.read(&Source::Placed(place.clone(), id)).await, BYTES);
        assert!(
            self.disk
                .parts(Timestamp::from_millis(u64::MAX), None, usize::MAX)
                .await
                .expect("listed")
                .is_empty()
        );
    }

    fn store(&self) -> Arc<SledStore> {
        Arc::clone(self.store.as_ref().expect("open"))
    }

    /// An upload of ten bytes, in two rows that are carried.
    async fn carry(&self) -> Upload {
        let upload = bound(None);
        store(self, &upload).await;
        let appends = Carrying::new(self.disk.clone(), self.store());
        for (row, bytes) in [(row(0, 4), &BYTES[..4]), (last_row(4), &BYTES[4..])] {
            let last = Last { data: vec![Bytes::from_static(bytes)], begun: None, is_asked: false };
            let opened = appends.open(upload.id, row.epoch, row.chunk.offset).await;
            opened.expect("opened").record(last, &row, None).await.expect("carried");
        }
        found(self, upload.id).await
    }

    /// An upload of ten bytes with these bytes in its part, synced, and a row of four; and its part's sink.
    async fn begin(&self, bytes: &'static [u8]) -> (Upload, DiskSink) {
        let upload = bound(None);
        store(self, &upload).await;
        let mut sink = self.disk.sink(upload.id, 0);
        sink.sync(vec![Bytes::from_static(bytes)]).await.expect("synced");
        self.store().append(upload.id, &row(0, 4)).await.expect("recorded");
        (upload, sink)
    }

    async fn read(&self, source: &Source) -> Vec<u8> {
        let pieces = self.disk.read(source, 0..10).await.expect("there");
        pieces.try_collect::<Vec<_>>().await.expect("all of it").concat()
    }

    /// Claims the message and moves the file to its place.
    async fn place(&self, upload: &Upload) -> Place {
        let stamp = claim(self, upload.id).await;
        let message = upload.message(stamp).expect("bound");
        let place = Place { message: message.id, file_name: message.stored_name };
        self.disk.place(upload.id, 10, &place).await.expect("placed");
        place
    }
}

impl DatabaseFixture for House {
    fn records(&self) -> Arc<dyn Records> {
        self.store()
    }

    fn messages(&self) -> Arc<dyn Messages> {
        self.store()
    }

    fn memberships(&self) -> Arc<dyn Memberships> {
        self.store()
    }

    fn reopen(&mut self) {
        self.store = None;
        let records = self.folder.path().join("records");
        let store = SledStore::open_beside(self.disk.files(), &records, Durability::Power);
        self.store = Some(Arc::new(store.expect("opened")));
    }
}

fn copy_all(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("readable");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("known").is_dir() {
            fs::create_dir(&target).expect("made");
            copy_all(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("copied");
        }
    }
}

/// The only file below the folder's parts or chats.
fn file_in(data: &Path) -> PathBuf {
    let mut folders = vec![data.join("parts"), data.join("chats")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("readable").path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    let [file] = files.try_into().expect("one file");
    file
}

fn truncate(data: &Path, length: u64) {
    let file = fs::OpenOptions::new().write(true).open(file_in(data)).expect("there");
    file.set_len(length).expect("cut");
}

/// The losses that a power cut may cause to a file that was not synced.
fn losses() -> [fn(&Path); 5] {
    [
        |_| {},
        |data| truncate(data, 0),
        |data| truncate(data, 7),
        |data| fs::write(file_in(data), [0; 12]).expect("zeroed"),
        |data| fs::remove_file(file_in(data)).expect("lost"),
    ]
}

/// Undoes the move of a file, and its folder with it, as a power cut may.
fn undo_move(data: &Path, id: UploadId) {
    let file = file_in(data);
    fs::rename(&file, data.join("parts").join(id.to_string())).expect("undone");
    fs::remove_dir(file.parent().expect("in a folder")).expect("empty");
}

#[tokio::test]
async fn bytes_of_a_growing_upload_are_there_again() {
    let house = House::new();
    let upload = house.carry().await;
    for taking in losses() {
        let next = house.after_power_cut(taking);
        assert_eq!(found(&next, upload.id).await, upload);
        let part = Source::Part(upload.id);
        assert_eq!(next.read(&part).await, BYTES);
        // Bytes beyond the record are cut off as always.
        let place = next.place(&upload).await;
        assert_eq!(next.read(&Source::Placed(place, upload.id)).await, BYTES);
    }
}

#[tokio::test]
async fn a_file_on_its_way_to_its_place_is_found_wherever_it_is() {
    let house = House::new();
    let upload = house.carry().await;
    let place = house.place(&upload).await;
    for next in house.after_each_loss(upload.id) {
        // The finalizer continues from here.
        next.disk.place(upload.id, 10, &place).await.expect("placed");
        next.has_placed(&place, upload.id).await;
    }
}

#[tokio::test]
async fn a_committed_message_has_its_file() {
    for is_removed in [false, true] {
        let house = House::new();
        let upload = house.carry().await;
        let place = house.place(&upload).await;
        commit(&house, upload.id).await;
        if is_removed {
            house.store().remove(upload.id, Epoch::FIRST).await.expect("removed");
        }
        for next in house.after_each_loss(upload.id) {
            next.has_placed(&place, upload.id).await;
        }
    }
}

/// The bytes are on the disk, and only the file's place is carried.
#[tokio::test]
async fn a_file_that_was_synced_is_moved_again() {
    let house = House::new();
    let (upload, _) = house.begin(BYTES).await;
    house.store().append(upload.id, &last_row(4)).await.expect("recorded");
    let place = house.place(&found(&house, upload.id).await).await;
    commit(&house, upload.id).await;
    for is_undone in [false, true] {
        let next = house.after_power_cut(|data| {
            if is_undone {
                undo_move(data, upload.id);
            }
        });
        next.has_placed(&place, upload.id).await;
    }
}

#[tokio::test]
async fn bytes_that_nobody_needs_stay_away() {
    let house = House::new();
    let [removed, rejected] = [house.carry().await, house.carry().await];
    house.store().remove(removed.id, Epoch::FIRST).await.expect("removed");
    let state = rejected.state.reject(RejectionReason::NotAParticipant).expect("complete");
    transition(&house, rejected.id, &state).await;
    for upload in [removed, rejected] {
        house.disk.discard(upload.id).await.expect("freed");
    }
    let next = house.after_power_cut(|_| {});
    assert!(
        next.disk.parts(Timestamp::from_millis(u64::MAX), None, usize::MAX).await.expect("listed").is_empty()
    );
}

/// A part that is missing altogether concerns one upload; the server starts for all others.
#[tokio::test]
async fn one_damaged_upload_keeps_nobody_from_starting() {
    let house = House::new();
    let (upload, mut sink) = house.begin(&BYTES[..4]).await;
    let rest = vec![Bytes::from_static(&BYTES[4..])];
    sink.show(rest.clone()).await.expect("written");
    house.store().append_carrying(upload.id, &last_row(4), rest, None).await.expect("carried");
    let next = house.after_power_cut(|data| fs::remove_file(file_in(data)).expect("gone"));
    assert_eq!(found(&next, upload.id).await.state, State::Complete);
    assert!(
        next.disk.parts(Timestamp::from_millis(u64::MAX), None, usize::MAX).await.expect("listed").is_empty(),
        "no hole is made up"
    );
}

#[tokio::test]
async fn nothing_is_carried_after_an_orderly_end() {
    let mut house = House::new();
    let upload = house.carry().await;
    assert_eq!(house.store().carried().await.expect("read").len(), 1);
    house.reopen();
    assert_eq!(house.store().carried().await.expect("read"), []);
    assert_eq!(house.read(&Source::Part(upload.id)).await, BYTES);
    assert_eq!(found(&house, upload.id).await, upload);
}

/// Files that note the calls, and fail when told to.
#[derive(Default)]
struct Noting {
    settled: Mutex<Vec<UploadId>>,
    restored: Mutex<Vec<Carried>>,
    fails: AtomicBool,
}

impl Files for Noting {
    fn settle(&self, ids: &[UploadId]) -> Result<(), StoreError> {
        if self.fails.load(Ordering::Relaxed) {
            return Err(StoreError::Io(io::Error::other("the disk is gone")));
        }
        self.settled.lock().expect("unharmed").extend(ids);
        Ok(())
    }

    fn restore(&self, carried: &[Carried]) -> Result<(), StoreError> {
        self.restored.lock().expect("unharmed").extend_from_slice(carried);
        Ok(())
    }
}

/// Stores more rows than the journal has before a checkpoint and during the next one, until the store fails
/// or all are in: by then a checkpoint has ended.
async fn fill(store: &SledStore) -> (Vec<UploadId>, Result<(), StoreError>) {
    let mut ids = Vec::new();
    for _ in 0..250 {
        let upload = bound(None);
        ids.push(upload.id);
        let bytes = vec![Bytes::from(vec![7; 64 * 1024])];
        let length = Length::Known(64 * 1024);
        let whole = Upload { length, offset: 64 * 1024, state: State::Complete, ..upload };
        let created = store.create_carrying(&whole, Taking::IfFree, Bounds::NONE, bytes, None).await;
        if let Err(error) = created {
            return (ids, Err(error));
        }
    }
    (ids, Ok(()))
}

#[tokio::test]
async fn bytes_are_let_go_of_when_their_files_are_synced_and_not_before() {
    let folder = tempfile::tempdir().expect("a folder");
    let files = Arc::new(Noting::default());
    let store = SledStore::open_beside(files.clone(), folder.path(), Durability::Power).expect("opened");
    let (ids, outcome) = fill(&store).await;
    outcome.expect("stored");
    let carried: Vec<_> =
        store.carried().await.expect("read").into_iter().map(|carried| carried.id).collect();
    let settled = files.settled.lock().expect("unharmed").clone();
    assert!(carried.len() < ids.len(), "the journal is bounded");
    assert!(ids.iter().all(|id| carried.contains(id) || settled.contains(id)));
    drop(store);
    let settled = files.settled.lock().expect("unharmed").clone();
    assert!(ids.iter().all(|id| settled.contains(id)), "at the end all of them");
}

#[tokio::test]
async fn when_files_cannot_be_synced_the_journal_keeps_their_bytes() {
    let folder = tempfile::tempdir().expect("a folder");
    let files = Arc::new(Noting::default());
    files.fails.store(true, Ordering::Relaxed);
    let store = SledStore::open_beside(files.clone(), folder.path(), Durability::Power).expect("opened");
    let (mut ids, outcome) = fill(&store).await;
    assert!(outcome.is_err(), "the store is closed");
    // The refused upload was never acknowledged.
    ids.pop();
    drop(store);
    files.fails.store(false, Ordering::Relaxed);
    // A closed store lets go of its folder with the process.
    let copy = tempfile::tempdir().expect("a folder");
    copy_all(folder.path(), copy.path());
    drop(SledStore::open_beside(files.clone(), copy.path(), Durability::Power).expect("opened"));
    let restored: Vec<_> =
        files.restored.lock().expect("unharmed").iter().map(|carried| carried.id).collect();
    assert!(ids.iter().all(|id| restored.contains(id)));
}
