//! Part files that stay open between two writes: a client that sends many small requests would have its file
//! opened and closed for each of them.

use std::collections::VecDeque;
use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::upload::UploadId;

/// The most files that stay open, with descriptors that no connection counts on. The one idle for longest is
/// closed first.
const MOST: usize = 32;

/// A part file that is open for writing.
#[derive(Debug, Clone)]
pub(super) struct OpenFile {
    pub(super) file: Arc<File>,
    /// Whether the folder's entry is durable. If we made the file, the entry is synced once, with its first
    /// bytes.
    pub(super) entry_is_durable: Arc<AtomicBool>,
}

/// The idle open files by upload. A part's file is taken out before the part is moved or deleted.
#[derive(Debug, Default)]
pub(super) struct Idle(Mutex<VecDeque<(UploadId, OpenFile)>>);

impl Idle {
    /// Takes the file of a part, if it is here, still has its name, and has exactly this many bytes.
    pub(super) fn take(&self, id: UploadId, length: u64) -> Option<OpenFile> {
        let open = self.forget(id)?;
        let metadata = open.file.metadata().ok()?;
        (metadata.len() == length && metadata.nlink() > 0).then_some(open)
    }

    /// Keeps a file open, because its upload may continue.
    pub(super) fn keep(&self, id: UploadId, open: OpenFile) {
        let mut files = self.files();
        let oldest = if files.len() < MOST { None } else { files.pop_front() };
        files.push_back((id, open));
        drop(files);
        // Closing takes a moment, so it is done without the lock.
        drop(oldest);
    }

    /// Takes the file of an upload out.
    pub(super) fn forget(&self, id: UploadId) -> Option<OpenFile> {
        let mut files = self.files();
        let at = files.iter().position(|(kept, _)| *kept == id)?;
        files.remove(at).map(|(_, open)| open)
    }

    fn files(&self) -> MutexGuard<'_, VecDeque<(UploadId, OpenFile)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use bytes::Bytes;

    use super::*;
    use crate::message::MessageId;
    use crate::store::disk::Disk;
    use crate::store::{Durability, Payloads, Place, StoreError};
    use crate::upload::Epoch;

    fn disk() -> (tempfile::TempDir, Disk) {
        let data = tempfile::tempdir().expect("a folder");
        let disk = Disk::open(data.path(), Durability::Process, 0).expect("opened");
        (data, disk)
    }

    async fn append(disk: &Disk, id: UploadId, offset: u64, bytes: &'static [u8]) -> Result<(), StoreError> {
        let mut sink = disk.open(id, Epoch::FIRST, offset).await?;
        sink.sync(vec![Bytes::from_static(bytes)]).await
    }

    fn kept(disk: &Disk) -> Vec<UploadId> {
        disk.folders.idle.files().iter().map(|(id, _)| *id).collect()
    }

    #[tokio::test]
    async fn the_file_of_a_part_stays_open_until_it_is_moved_or_deleted() {
        let (data, disk) = disk();
        let (one, other) = (UploadId::random(), UploadId::random());
        for id in [one, other] {
            append(&disk, id, 0, b"abc").await.expect("written");
            append(&disk, id, 3, b"def").await.expect("written");
            assert_eq!(fs::read(disk.folders.part(id)).expect("there"), b"abcdef");
        }
        assert_eq!(kept(&disk), [one, other]);
        let place = Place { message: MessageId::from_bytes([1; 12]), file_name: "a.mp4".into() };
        disk.place(one, 6, &place).await.expect("moved");
        disk.discard(other).await.expect("freed");
        assert_eq!(kept(&disk), []);
        append(&disk, other, 0, b"new").await.expect("another file");
        assert_eq!(fs::read(disk.folders.part(other)).expect("there"), b"new");
        drop(data);
    }

    /// An open file that lost bytes on the disk is not appended to; bytes that no record knows are cut off.
    #[tokio::test]
    async fn an_open_file_is_looked_at_before_it_is_written() {
        let (_data, disk) = disk();
        let id = UploadId::random();
        let part = disk.folders.part(id);
        append(&disk, id, 0, b"abcdef").await.expect("written");
        append(&disk, id, 2, b"X").await.expect("written");
        assert_eq!(fs::read(&part).expect("there"), b"abX");
        fs::write(&part, b"a").expect("cut");
        assert!(matches!(append(&disk, id, 3, b"Y").await, Err(StoreError::Damaged(_))));
        append(&disk, id, 1, b"bc").await.expect("written");
        fs::remove_file(&part).expect("gone");
        assert!(matches!(append(&disk, id, 3, b"Y").await, Err(StoreError::Damaged(_))));
    }

    #[tokio::test]
    async fn few_stay_open() {
        let (_data, disk) = disk();
        let ids: Vec<_> = (0..MOST + 2).map(|_| UploadId::random()).collect();
        for id in &ids {
            append(&disk, *id, 0, b"a").await.expect("written");
        }
        assert_eq!(kept(&disk), ids[2..]);
    }
}
