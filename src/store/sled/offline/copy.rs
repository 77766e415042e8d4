//! The records of a folder that no server has open, read without changing a byte of it: opening them would
//! write, so a copy is opened.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use tempfile::TempDir;

use super::super::engine::open::{self, OpenError};
use super::super::store::SledStore;
use crate::store::Durability;

/// A store that is a copy of another. As long as the copy exists, no process can open the other.
#[derive(Debug)]
pub struct SledCopy {
    // Fields are dropped in this order: a store is closed before its folder is deleted.
    store: SledStore,
    _copy: TempDir,
    _lock: File,
}

impl SledCopy {
    /// Copies the records of a folder into the folder for temporary files, and opens the copy.
    ///
    /// # Errors
    /// [`OpenError`] if there are no records, or they are in use or damaged.
    pub fn of(folder: &Path) -> Result<Self, OpenError> {
        let io = |source| OpenError::Io { folder: folder.to_owned(), source };
        let lock = open::lock(folder)?;
        let copy = tempfile::tempdir().map_err(io)?;
        copy_all(folder, copy.path()).map_err(io)?;
        let store = SledStore::open(copy.path(), Durability::Process).map_err(|error| error.about(folder))?;
        Ok(Self { store, _copy: copy, _lock: lock })
    }

    /// The store in the copy.
    pub fn store(&self) -> &SledStore {
        &self.store
    }
}

fn copy_all(from: &Path, to: &Path) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            fs::create_dir(&target)?;
            copy_all(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
