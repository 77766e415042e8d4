//! Files that were written and not synced, because a record store carries their bytes ([`Files`]).

use std::collections::{BTreeSet, HashMap};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bytes::Bytes;

use super::place::length_of;
use super::{Disk, Folders};
use crate::crash;
use crate::metrics::{self, Synced};
use crate::store::StoreError;
use crate::store::embedded::{Carried, Files, Placement};
use crate::upload::UploadId;

/// The most files that are synced one by one. For more, the file system is told to write everything, in one
/// sync.
const FEW: usize = 4;

/// The uploads whose files are not synced, and the paths of those.
#[derive(Debug, Default)]
pub(super) struct Unsettled(Mutex<HashMap<UploadId, Entry>>);

#[derive(Debug, Clone)]
struct Entry {
    file: PathBuf,
    /// The number of changes, so that a change during a sync is not taken for synced.
    version: u64,
    /// Whether a sync of the file failed, so that it cannot be settled any more.
    has_failed: bool,
}

impl Entry {
    /// Fails if an earlier sync of this file failed: the kernel reports such an error once, so a later
    /// success proves nothing.
    fn hopeful(self) -> io::Result<Self> {
        if self.has_failed {
            return Err(io::Error::other(format!("{} could not be synced before", self.file.display())));
        }
        Ok(self)
    }
}

impl Unsettled {
    /// Notes an upload before its file is written or moved; `file` is its path, if none is known yet.
    pub(super) fn note(&self, id: UploadId, file: PathBuf) {
        self.entries().entry(id).or_insert(Entry { file, version: 0, has_failed: false }).version += 1;
    }

    pub(super) fn contains(&self, id: UploadId) -> bool {
        self.entries().contains_key(&id)
    }

    /// Forgets an upload whose part is about to be freed. A file that is a message's by now has to be synced
    /// all the same.
    pub(super) fn forget(&self, id: UploadId, part: &Path) {
        let mut entries = self.entries();
        if entries.get(&id).is_some_and(|entry| entry.file == *part) {
            entries.remove(&id);
        }
    }

    /// Notes that a sync of the upload's file failed.
    pub(super) fn failed(&self, id: UploadId) {
        if let Some(entry) = self.entries().get_mut(&id) {
            entry.has_failed = true;
        }
    }

    /// Moves the file of an upload. Settling finds it at either path meanwhile, and later at the new one.
    pub(super) fn rename(&self, id: UploadId, from: PathBuf, to: &Path) -> io::Result<()> {
        let mut entries = self.entries();
        let entry = entries.entry(id).or_insert(Entry { file: from, version: 0, has_failed: false });
        fs::rename(&entry.file, to)?;
        to.clone_into(&mut entry.file);
        entry.version += 1;
        Ok(())
    }

    /// The entry of an upload, if it is unsettled.
    fn look(&self, id: UploadId) -> io::Result<Option<Entry>> {
        let found = self.entries().get(&id).cloned();
        found.map(Entry::hopeful).transpose()
    }

    /// The entry of an upload and its file, open, if it is unsettled.
    fn open(&self, id: UploadId) -> io::Result<Option<(Entry, File)>> {
        // Under the lock, because the file might be moved meanwhile.
        let entries = self.entries();
        let Some(entry) = entries.get(&id).cloned().map(Entry::hopeful).transpose()? else { return Ok(None) };
        match File::open(&entry.file) {
            Ok(file) => Ok(Some((entry, file))),
            // The file was freed at this moment.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Forgets an upload that has not changed since `seen`.
    fn settled(&self, id: UploadId, seen: &Entry) {
        let mut entries = self.entries();
        if entries.get(&id).is_some_and(|entry| entry.version == seen.version) {
            entries.remove(&id);
        }
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<UploadId, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Disk {
    /// The files of this folder, for the record store that carries their bytes and their places. From then on
    /// that store alone sees to it that both become durable.
    pub fn files(&self) -> Arc<dyn Files> {
        self.folders.has_carrier.store(true, Ordering::Release);
        Arc::<Folders>::clone(&self.folders)
    }
}

impl Files for Folders {
    fn settle(&self, ids: &[UploadId]) -> Result<(), StoreError> {
        let (begun, mut seen) = (Instant::now(), Vec::new());
        for id in ids {
            seen.extend(self.unsettled.look(*id)?.map(|entry| (*id, entry)));
        }
        // The files are never all opened at once: there may be more than a process may have open.
        if seen.len() > FEW {
            sync_file_system_of(&File::open(self.buckets.parts()).map_err(unopened)?)?;
        } else {
            let mut folders = BTreeSet::new();
            for (id, seen) in &mut seen {
                let Some((entry, file)) = self.unsettled.open(*id).map_err(unopened)? else { continue };
                file.sync_data()?;
                folders.extend(folders_above(&entry.file));
                *seen = entry;
            }
            for folder in folders {
                match File::open(folder) {
                    // The bucket was removed: the file was moved meanwhile, and is unsettled again.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    opened => opened.map_err(unopened)?.sync_all()?,
                }
            }
        }
        seen.iter().for_each(|(id, entry)| self.unsettled.settled(*id, entry));
        metrics::get().synced(Synced::Carried, begun);
        Ok(())
    }

    fn restore(&self, all: &[Carried]) -> Result<(), StoreError> {
        self.tidy()?;
        let mut is_changed = false;
        for carried in all {
            match self.restore_one(carried) {
                Err(StoreError::Damaged(what)) => tracing::error!(upload = %carried.id, what, "not restored"),
                changed => is_changed |= changed?,
            }
            crash::point("recover.restored");
        }
        if is_changed { Ok(sync_file_system_of(&File::open(self.buckets.parts())?)?) } else { Ok(()) }
    }
}

impl Folders {
    /// Restores one upload, without the sync; answers whether one is needed.
    fn restore_one(&self, carried: &Carried) -> Result<bool, StoreError> {
        let Carried { id, pieces, place } = carried;
        let file =
            place.as_ref().map(|placement| self.folder_of(&placement.place).join(&placement.place.file_name));
        let file = file.filter(|file| file.exists());
        let is_placed = file.is_some();
        let most = place.as_ref().map_or(u64::MAX, |placement| placement.length);
        let file = file.unwrap_or_else(|| self.part(*id));
        self.write_again(*id, &file, pieces, most)?;
        match place {
            Some(Placement { place, length, is_committed: true })
                if !is_placed && self.part(*id).exists() =>
            {
                self.move_to(*id, *length, place)?;
                Ok(true)
            }
            // That the file is there does not say that the move is durable.
            _ => Ok(is_placed || !pieces.is_empty()),
        }
    }

    /// Writes the pieces into a file that is to have `most` bytes at most.
    fn write_again(
        &self,
        id: UploadId,
        path: &Path,
        pieces: &[(u64, Bytes)],
        most: u64,
    ) -> Result<(), StoreError> {
        let Some((first, _)) = pieces.first() else { return Ok(()) };
        let length = length_of(path)?.unwrap_or_default();
        if length < *first {
            return Err(StoreError::Damaged(format!(
                "the file has {length} bytes, and what follows is carried from {first} on"
            )));
        }
        let open = || OpenOptions::new().write(true).create(true).truncate(false).open(path);
        let file = self.buckets.create(id, open)?;
        if length > most {
            file.set_len(most)?;
        }
        for (offset, bytes) in pieces {
            file.write_all_at(bytes, *offset)?;
        }
        Ok(())
    }
}

/// The folders to be synced so that a file is found: its own, of a message or a bucket, and the one above.
fn folders_above(file: &Path) -> impl Iterator<Item = PathBuf> {
    file.ancestors().skip(1).take(2).map(Path::to_owned)
}

/// Syncs the whole file system: one sync for any number of files.
fn sync_file_system_of(file: &File) -> io::Result<()> {
    Ok(rustix::fs::syncfs(file)?)
}

/// An error from before the sync: the disk was not asked, so nothing is unknown.
fn unopened(error: io::Error) -> StoreError {
    StoreError::Unavailable(format!("what is to be synced cannot be opened: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::MessageId;
    use crate::store::{Durability, Payloads, Place};

    fn disk() -> (tempfile::TempDir, Disk) {
        let data = tempfile::tempdir().expect("a folder");
        let disk = Disk::open(data.path(), Durability::Power, 0).expect("opened");
        drop(disk.files());
        (data, disk)
    }

    async fn shown(disk: &Disk) -> UploadId {
        let id = UploadId::random();
        let mut sink = disk.sink(id, 0);
        sink.show(vec![Bytes::from_static(b"abc")]).await.expect("written");
        id
    }

    fn place() -> Place {
        Place { message: MessageId::from_bytes([1; 12]), file_name: "a.mp4".into() }
    }

    #[tokio::test]
    async fn few_and_many_are_settled_wherever_their_files_are() {
        let (_data, disk) = disk();
        for count in [1, FEW + 1] {
            let mut ids = Vec::new();
            for _ in 0..count {
                ids.push(shown(&disk).await);
            }
            disk.place(ids[0], 3, &Place { file_name: count.to_string(), ..place() }).await.expect("moved");
            let gone = shown(&disk).await;
            disk.discard(gone).await.expect("freed");
            ids.push(gone);
            disk.files().settle(&ids).expect("settled");
            assert!(ids.iter().all(|id| !disk.folders.unsettled.contains(*id)));
        }
    }

    /// The case of a process without descriptors left.
    #[tokio::test]
    async fn what_cannot_be_opened_may_be_settled_later() {
        let (_data, disk) = disk();
        let mut ids = Vec::new();
        for _ in 0..FEW + 2 {
            ids.push(shown(&disk).await);
        }
        let unsettled = &disk.folders.unsettled;
        let files: Vec<_> =
            ids.iter().map(|id| unsettled.look(*id).expect("hopeful").expect("noted").file).collect();
        let below = |file: &Path| file.join("none has anything below");
        let set = |id: UploadId, file: PathBuf| unsettled.entries().get_mut(&id).expect("noted").file = file;
        ids.iter().zip(&files).for_each(|(id, file)| set(*id, below(file)));
        let refused = disk.files().settle(&ids[..1]);
        assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
        assert!(unsettled.contains(ids[0]));
        set(ids[0], files[0].clone());
        disk.files().settle(&ids[..1]).expect("settled");
        disk.files().settle(&ids).expect("many are settled without opening one");
        assert!(!ids.iter().any(|id| unsettled.contains(*id)));
    }

    /// A change during the sync is not synced.
    #[tokio::test]
    async fn what_changed_meanwhile_stays_unsettled() {
        let (_data, disk) = disk();
        let id = shown(&disk).await;
        let unsettled = &disk.folders.unsettled;
        let (seen, _file) = unsettled.open(id).expect("readable").expect("unsettled");
        disk.place(id, 3, &place()).await.expect("moved");
        unsettled.settled(id, &seen);
        assert!(unsettled.contains(id));
        disk.files().settle(&[id]).expect("settled");
        assert!(!unsettled.contains(id));
    }

    /// The search for orphans may come to the part while the upload becomes a message.
    #[tokio::test]
    async fn what_is_a_messages_by_now_is_settled_though_its_part_is_freed() {
        let (_data, disk) = disk();
        let id = shown(&disk).await;
        disk.place(id, 3, &place()).await.expect("moved");
        disk.discard(id).await.expect("there is no part");
        assert!(disk.folders.unsettled.contains(id), "nobody has synced it");
        disk.files().settle(&[id]).expect("settled");
        assert!(!disk.folders.unsettled.contains(id));
    }

    /// The kernel reports a failed sync once: a later call must not answer that all is well.
    #[tokio::test]
    async fn what_could_not_be_synced_is_never_settled() {
        let (_data, disk) = disk();
        let id = shown(&disk).await;
        disk.folders.unsettled.failed(id);
        disk.files().settle(&[id]).expect_err("it may be lost");
    }

    /// A kill left the moved file in the page cache, and the next power cut may undo the move.
    #[tokio::test]
    async fn a_file_at_its_place_is_synced_though_no_bytes_are_carried() {
        let (_data, disk) = disk();
        let id = shown(&disk).await;
        disk.place(id, 3, &place()).await.expect("moved");
        let placement = Placement { place: place(), length: 3, is_committed: true };
        let carried = Carried { id, pieces: Vec::new(), place: Some(placement) };
        assert!(disk.folders.restore_one(&carried).expect("looked at"), "it needs the sync");
        let nothing = Carried { id: UploadId::random(), place: None, ..carried };
        assert!(!disk.folders.restore_one(&nothing).expect("looked at"));
    }
}
