//! Joining several parts to one file: the first is extended in place, the others are copied behind it.
//!
//! In place means a second name for the same file, so the part keeps its bytes: its readers read no further
//! than its ledger. Only one upload may extend a file, so an upload that finds a third name copies instead.
//!
//! ```text
//! left behind by a kill              what doing it again finds
//! after the second name was made     two names of one file: goes on
//! after a third name was made        three names of one file: takes its own away and copies
//! while bytes were copied            bytes beyond the ledger: cut off
//! ```
//!
//! An upload that comes to nothing leaves its bytes behind those of the part. They are cut off when its name
//! is gone, or at the start, if a kill came between.

use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use std::sync::PoisonError;

use super::Folders;
use super::buckets::Bucket;
use super::part::Part;
use crate::store::StoreError;
use crate::upload::UploadId;

/// The names of a shared file: the part's own, and that of the one upload that extends it.
const NAMES: u64 = 2;

impl Folders {
    pub(super) fn adopt(&self, id: UploadId, part: UploadId, length: u64) -> Result<bool, StoreError> {
        let (own, other) = (self.part(id), self.part(part));
        let found = fs::metadata(&other)?;
        if found.len() < length {
            return Err(StoreError::Damaged(format!("part {part} has {} of {length} bytes", found.len())));
        }
        let sharing = self.sharing.lock().unwrap_or_else(PoisonError::into_inner);
        match self.buckets.create(id, || fs::hard_link(&other, &own)) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) if error.kind() == io::ErrorKind::StorageFull => return Err(error.into()),
            // Not every file system has hard links.
            Err(_) => return Ok(false),
        }
        let linked = fs::metadata(&own)?;
        if (linked.dev(), linked.ino()) != (found.dev(), found.ino()) {
            return Ok(false);
        }
        if linked.nlink() != NAMES {
            fs::remove_file(&own)?;
            self.buckets.left(Bucket::of(id));
            return Ok(false);
        }
        drop(sharing);
        // The part may be freed before the store that carries its bytes has it synced.
        self.make_durable(&File::open(&own)?)?;
        self.sync_name(id)?;
        Ok(true)
    }

    pub(super) fn trim(&self, part: UploadId, length: u64) -> Result<(), StoreError> {
        let _sharing = self.sharing.lock().unwrap_or_else(PoisonError::into_inner);
        let file = match File::options().write(true).open(self.part(part)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            file => file?,
        };
        let found = file.metadata()?;
        // A file with a second name belongs to the upload that extends it, or to the message made of that.
        if found.nlink() < NAMES && found.len() > length {
            file.set_len(length)?;
        }
        Ok(())
    }
}

/// Appends ranges of parts to another, one after the other, and makes them durable.
pub(super) fn copy(
    folders: &Folders,
    mut target: Part,
    ranges: Vec<(UploadId, Range<u64>)>,
) -> Result<(), StoreError> {
    for (part, range) in ranges {
        let source = File::open(folders.part(part))?;
        if source.metadata()?.len() < range.end {
            return Err(StoreError::Damaged(format!("part {part} is shorter than its record")));
        }
        target.append_file(&source, range)?;
    }
    target.sync()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folders(data: &tempfile::TempDir) -> std::sync::Arc<Folders> {
        super::super::Disk::open(data.path(), crate::store::Durability::Power, 0).expect("opened").folders
    }

    fn put(folders: &Folders, id: UploadId, bytes: &[u8]) {
        let part = folders.part(id);
        folders.buckets.create(id, || fs::write(&part, bytes)).expect("written");
    }

    fn names(folders: &Folders, id: UploadId) -> u64 {
        fs::metadata(folders.part(id)).expect("there").nlink()
    }

    /// The second upload must not extend the same file.
    #[test]
    fn a_part_is_extended_in_place_by_one_upload_only() {
        let data = tempfile::tempdir().expect("a folder");
        let folders = folders(&data);
        let [part, first, second] = [(); 3].map(|()| UploadId::random());
        put(&folders, part, b"0123456789");
        assert!(folders.adopt(first, part, 10).expect("linked"));
        assert!(folders.adopt(first, part, 10).expect("again"), "after a kill it is done already");
        assert!(!folders.adopt(second, part, 10).expect("refused"));
        assert!(!folders.part(second).exists(), "a copy begins with a file of its own");
        folders.discard(first).expect("freed");
        assert!(folders.adopt(second, part, 10).expect("free again"));
        assert_eq!(names(&folders, part), 2);
    }

    /// Trimming may be repeated, and frees bytes only when the last upload that shares the file is gone.
    #[test]
    fn what_was_appended_to_a_part_is_freed_with_who_appended_it() {
        let data = tempfile::tempdir().expect("a folder");
        let folders = folders(&data);
        let [part, whole] = [(); 2].map(|()| UploadId::random());
        put(&folders, part, b"0123456789");
        assert!(folders.adopt(whole, part, 4).expect("linked"));
        folders.trim(part, 4).expect("shared");
        assert_eq!(fs::read(folders.part(whole)).expect("there"), b"0123456789");
        folders.discard(whole).expect("freed");
        for _ in 0..2 {
            folders.trim(part, 4).expect("cut");
            assert_eq!(fs::read(folders.part(part)).expect("there"), b"0123");
        }
        folders.trim(part, 10).expect("nothing to do");
        folders.discard(part).expect("freed");
        folders.trim(part, 4).expect("nothing there");
    }

    #[test]
    fn a_file_that_is_another_one_is_not_adopted() {
        let data = tempfile::tempdir().expect("a folder");
        let folders = folders(&data);
        let [part, own] = [(); 2].map(|()| UploadId::random());
        put(&folders, part, b"0123456789");
        put(&folders, own, b"01");
        assert!(!folders.adopt(own, part, 10).expect("refused"));
        assert_eq!(names(&folders, part), 1);
    }
}
