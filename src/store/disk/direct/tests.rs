use std::fs::{self, File};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::process::Command;

use bytes::Bytes;
use tempfile::TempDir;

use super::policy::WARM_BEGINNING;
use super::*;
use crate::store::buffer::{BLOCK, BUFFER_BYTES};
use crate::store::disk::sink::Writer;
use crate::store::disk::{Disk, DiskSink};
use crate::store::{Coming, Durability, StoreError};
use crate::upload::UploadId;

const MIB: u64 = 1024 * 1024;
const RESERVE: u64 = 256 * MIB;

/// A disk, and an upload on it.
struct Fixture {
    _data: TempDir,
    disk: Disk,
    id: UploadId,
}

impl Fixture {
    fn new() -> Self {
        Self::with(RESERVE)
    }

    fn with(reserve: u64) -> Self {
        let data = tempfile::tempdir().expect("a folder");
        let disk = Disk::open(data.path(), Durability::Power, reserve).expect("opened");
        Self { _data: data, disk, id: UploadId::random() }
    }

    /// The part has zeros up to this offset, durably, as far as its ledger is concerned.
    fn has(&self, length: u64) {
        let (folders, part) = (&self.disk.folders, self.disk.folders.part(self.id));
        let file = folders.buckets.create(self.id, || File::create(&part)).expect("made");
        file.set_len(length).expect("made longer");
    }

    /// The upload's sink at an offset, of a request that brings bytes up to this one.
    fn sink(&self, from: u64, until: u64) -> DiskSink {
        let mut sink = self.disk.sink(self.id, from);
        sink.expect(Coming { from, until: Some(until), length: None });
        sink
    }

    fn metadata(&self) -> fs::Metadata {
        fs::metadata(self.disk.folders.part(self.id)).expect("there")
    }

    fn bytes(&self, from: u64) -> Vec<u8> {
        let file = File::open(self.disk.folders.part(self.id)).expect("there");
        let mut found = vec![0; usize::try_from(self.metadata().len() - from).expect("small")];
        file.read_exact_at(&mut found, from).expect("readable");
        found
    }
}

fn pattern(length: usize, seed: usize) -> Vec<u8> {
    (0..length).map(|at| u8::try_from((at * 7 + at / 251 + seed) % 256).expect("a byte")).collect()
}

/// Writes the bytes as an intake does: from buffers, as many as there are.
async fn send(sink: &mut DiskSink, mut offset: u64, bytes: &[u8]) -> Result<(), StoreError> {
    let mut rest = Bytes::copy_from_slice(bytes);
    while !rest.is_empty() {
        let piece = match sink.buffer(offset) {
            Some(mut buffer) => {
                buffer.fill(&mut rest);
                buffer.freeze()
            }
            None => rest.split_to(rest.len().min(BUFFER_BYTES)),
        };
        offset += piece.len() as u64;
        sink.write(vec![piece]).await?;
    }
    Ok(())
}

/// Requests that end, and so begin, at every kind of place in a block.
#[tokio::test]
async fn what_comes_in_requests_that_end_anywhere_is_what_is_stored() {
    let block = BLOCK as u64;
    for durability in [Durability::Power, Durability::Process] {
        let fixture = Fixture::new();
        let disk = Disk::open(fixture._data.path(), durability, RESERVE).expect("opened");
        let fixture = Fixture { disk, ..fixture };
        fixture.has(WARM_BEGINNING - 77);
        let (mut sent, mut at) = (Vec::new(), WARM_BEGINNING - 77);
        for (number, length) in
            [0, 1, block - 1, block, block + 1, 2 * block - 1, MIB - 1, MIB, MIB + 1, MIB + block - 1, 3]
                .into_iter()
                .enumerate()
        {
            let bytes = pattern(usize::try_from(2 * MIB + length).expect("small"), number);
            let mut sink = fixture.sink(at, at + bytes.len() as u64);
            send(&mut sink, at, &bytes).await.expect("written");
            sink.sync(Vec::new()).await.expect("durable");
            at += bytes.len() as u64;
            sent.extend(bytes);
            assert_eq!(fixture.metadata().len(), at);
        }
        assert!(fixture.bytes(WARM_BEGINNING - 77) == sent, "all bytes in their order");
        assert_eq!(fixture.disk.folders.direct.ahead(), 0);
    }
}

/// The bytes of a checkpoint have landed, those after it may be on their way.
#[tokio::test]
async fn a_sync_waits_for_the_writes_that_began_before_it() {
    let fixture = Fixture::new();
    fixture.has(WARM_BEGINNING);
    let bytes = pattern(BUFFER_BYTES * 8, 1);
    let (first, second) = bytes.split_at(BUFFER_BYTES * 4);
    let until = WARM_BEGINNING + bytes.len() as u64;
    let mut sink = fixture.sink(WARM_BEGINNING, until);
    send(&mut sink, WARM_BEGINNING, first).await.expect("written");
    let syncing = sink.begin_sync().await.expect("begun");
    send(&mut sink, WARM_BEGINNING + first.len() as u64, second).await.expect("written");
    syncing.await.expect("durable");
    assert!(fixture.bytes(WARM_BEGINNING)[..first.len()] == *first);
    sink.sync(Vec::new()).await.expect("durable");
    assert!(fixture.bytes(WARM_BEGINNING) == bytes);
}

/// A request that does not bring what it said: the room that was reserved for it is free again.
#[tokio::test]
async fn room_is_reserved_while_a_request_sends_and_no_longer() {
    let fixture = Fixture::new();
    fixture.has(WARM_BEGINNING);
    let bytes = pattern(BUFFER_BYTES * 2 + 5, 1);
    let before = fixture.disk.folders.room(std::time::Duration::ZERO).expect("known");
    let mut sink = fixture.sink(WARM_BEGINNING, WARM_BEGINNING + 100 * MIB);
    send(&mut sink, WARM_BEGINNING, &bytes).await.expect("written");
    let taken = || fixture.metadata().blocks() * 512;
    assert!(taken() >= 30 * MIB, "{} bytes", taken());
    let room = fixture.disk.folders.room(std::time::Duration::ZERO).expect("known");
    assert!(before.saturating_sub(room) < 20 * MIB, "what is reserved counts as free: {before}, {room}");
    sink.sync(Vec::new()).await.expect("durable");
    assert!(taken() < 4 * MIB, "{} bytes", taken());
    assert!(fixture.bytes(WARM_BEGINNING) == bytes);
}

/// What a kill leaves: writes in any order, room reserved, and the ledger somewhere before.
#[tokio::test]
async fn the_next_holder_cuts_off_what_is_ahead_of_the_ledger() {
    for (ledger, length) in [(0, 0), (5, 5), (5, 7 * MIB), (MIB + 77, 3 * MIB), (MIB, MIB)] {
        let fixture = Fixture::new();
        let (ledger, length) = (WARM_BEGINNING + ledger, WARM_BEGINNING + length);
        fixture.has(length);
        let part = File::options().write(true).open(fixture.disk.folders.part(fixture.id)).expect("there");
        part.write_all_at(&pattern(100, 9), length - 100).expect("written");
        rustix::fs::fallocate(&part, rustix::fs::FallocateFlags::KEEP_SIZE, length, 32 * MIB)
            .expect("reserved");
        drop(part);
        let bytes = pattern(BUFFER_BYTES * 3 + 1, 3);
        let mut sink = fixture.sink(ledger, ledger + bytes.len() as u64);
        sink.write(vec![Bytes::copy_from_slice(&bytes[..1])]).await.expect("written");
        assert_eq!(fixture.metadata().len(), ledger + 1);
        assert!(fixture.metadata().blocks() * 512 < 4 * MIB, "nothing is reserved");
        send(&mut sink, ledger + 1, &bytes[1..]).await.expect("written");
        sink.sync(Vec::new()).await.expect("durable");
        assert!(fixture.bytes(ledger) == bytes);
    }
}

/// A slow upload has none, and when all are used the others do without.
#[tokio::test]
async fn without_a_buffer_bytes_go_through_the_cache() {
    let fixture = Fixture::new();
    fixture.has(WARM_BEGINNING);
    let direct = &fixture.disk.folders.direct;
    let all: Vec<_> = (0..BUFFERS).map(|_| direct.buffers().take(0).expect("free")).collect();
    let bytes = pattern(BUFFER_BYTES * 3 + 1, 3);
    let mut sink = fixture.sink(WARM_BEGINNING, WARM_BEGINNING + bytes.len() as u64);
    assert!(sink.buffer(WARM_BEGINNING).is_none());
    send(&mut sink, WARM_BEGINNING, &bytes[..BUFFER_BYTES + 7]).await.expect("written");
    drop(all);
    let middle = WARM_BEGINNING + BUFFER_BYTES as u64 + 7;
    assert!(sink.buffer(middle).is_some());
    send(&mut sink, middle, &bytes[BUFFER_BYTES + 7..]).await.expect("written");
    sink.sync(Vec::new()).await.expect("durable");
    assert!(fixture.bytes(WARM_BEGINNING) == bytes);
}

#[tokio::test]
async fn few_files_are_open_past_the_cache() {
    let fixture = Fixture::new();
    let (path, direct) = (fixture._data.path().join("file"), &fixture.disk.folders.direct);
    File::create(&path).expect("made");
    let open = || DirectFile::open(direct, &path, 0);
    let files: Vec<_> = (0..DIRECT_FILES).map(|_| open().expect("one more")).collect();
    assert!(open().is_none());
    drop(files);
    assert!(open().is_some());
}

/// A write fails while others are under way: none is when the caller hears of it, and nothing is written
/// afterwards.
#[tokio::test]
async fn after_a_failed_write_nothing_is_under_way_and_nothing_more_is_written() {
    let fixture = Fixture::new();
    fixture.has(WARM_BEGINNING);
    let bytes = pattern(BUFFER_BYTES * 2, 3);
    let mut sink = fixture.sink(WARM_BEGINNING, WARM_BEGINNING + 100 * MIB);
    send(&mut sink, WARM_BEGINNING, &bytes).await.expect("on its way");
    // As long as a file may be, there are no blocks.
    let far = i64::MAX.unsigned_abs() / BLOCK as u64 * BLOCK as u64;
    let mut buffer = fixture.disk.folders.direct.buffers().take(0).expect("free");
    buffer.fill(&mut bytes.into());
    let past = DirectFile::open(&fixture.disk.folders.direct, &fixture.disk.folders.part(fixture.id), 0);
    let file = Arc::new(tempfile::tempfile().expect("made"));
    let write = past.expect("opened").write(file, buffer.freeze(), far);
    sink.writes.begin(write).await.expect("begun");
    assert!(matches!(sink.sync(Vec::new()).await, Err(StoreError::Io(_))));
    assert!(sink.writes.are_over());
    for _ in 0..2 {
        let refused = sink.write(vec![Bytes::from_static(b"more")]).await;
        assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    }
}

/// The same when it is a write through the cache that fails.
#[tokio::test]
async fn after_a_failed_write_through_the_cache_none_past_it_is_under_way() {
    let fixture = Fixture::new();
    fixture.has(WARM_BEGINNING);
    let bytes = pattern(BUFFER_BYTES * 2, 3);
    let mut sink = fixture.sink(WARM_BEGINNING, WARM_BEGINNING + 100 * MIB);
    send(&mut sink, WARM_BEGINNING, &bytes).await.expect("on its way");
    assert!(!sink.writes.are_over());
    let full = || Err(StoreError::Io(std::io::ErrorKind::StorageFull.into()));
    sink.writer = Writer::Writing(tokio::task::spawn_blocking(full));
    assert!(matches!(sink.sync(Vec::new()).await, Err(StoreError::Io(_))));
    assert!(sink.writes.are_over());
}

/// A file system without such writes, if one may be mounted here.
#[tokio::test]
async fn a_file_system_that_refuses_gets_all_bytes_through_the_cache() {
    let folder = tempfile::tempdir().expect("a folder");
    let mounted = Command::new("mount").args(["-t", "ramfs", "ramfs"]).arg(folder.path()).output();
    if !mounted.is_ok_and(|output| output.status.success()) {
        return;
    }
    let data = tempfile::tempdir_in(folder.path()).expect("a folder");
    let disk = Disk::open(data.path(), Durability::Power, RESERVE).expect("opened");
    let fixture = Fixture { _data: data, disk, id: UploadId::random() };
    fixture.has(WARM_BEGINNING);
    let bytes = pattern(BUFFER_BYTES * 3 + 1, 3);
    let mut sink = fixture.sink(WARM_BEGINNING, WARM_BEGINNING + bytes.len() as u64);
    send(&mut sink, WARM_BEGINNING, &bytes).await.expect("written");
    sink.sync(Vec::new()).await.expect("durable");
    assert!(fixture.bytes(WARM_BEGINNING) == bytes);
    assert!(fixture.disk.folders.direct.is_refused() && sink.buffer(WARM_BEGINNING + MIB).is_none());
    drop((sink, fixture));
    let unmounted = Command::new("umount").arg(folder.path()).status().expect("as mount");
    assert!(unmounted.success());
}
