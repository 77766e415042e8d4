//! Making a complete part the file of a message: a rename, made durable, that can be repeated.
//!
//! ```text
//! left behind by a kill          what doing it again finds
//! before the folder was made     the part: starts over
//! after the folder was made      the part and an empty folder: renames
//! after the rename               the file: syncs the folders
//! ```
//! A killed version may have had other rules for names. A message's folder has one file, which then gets the
//! name by today's rules.
//! Where a record store carries bytes and the places of files, the file is only moved here; it is synced
//! later, at its place.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use super::Folders;
use super::buckets::Bucket;
use crate::crash;
use crate::store::{Place, StoreError};
use crate::upload::UploadId;

impl Folders {
    pub(super) fn place(&self, id: UploadId, length: u64, place: &Place) -> Result<(), StoreError> {
        self.move_to(id, length, place)?;
        if !self.is_carried() {
            self.sync_folder(&self.folder_of(place))?;
            self.sync_folder(&self.chats)?;
        }
        Ok(())
    }

    /// Moves the part to its place, without syncing the folders.
    pub(super) fn move_to(&self, id: UploadId, length: u64, place: &Place) -> Result<(), StoreError> {
        let (part, folder) = (self.part(id), self.folder_of(place));
        let file = folder.join(&place.file_name);
        self.idle.forget(id);
        let found = length_of(&part)?;
        // A part of the right length has not been moved yet.
        if found != Some(length) {
            if length_of(&file)? == Some(length) {
                if self.is_carried() {
                    // A killed process may have moved it.
                    self.unsettled.note(id, file);
                }
                return Ok(());
            }
            if found.is_none() {
                take_name(&folder, &file, length)?;
                if length_of(&file)? == Some(length) {
                    return self.move_to(id, length, place);
                }
            }
            self.ready(id, &part, found, length)?;
        }
        make_folder(&folder)?;
        crash::point("place.directory");
        if self.is_carried() {
            self.unsettled.rename(id, part, &file)?;
        } else {
            fs::rename(&part, &file)?;
        }
        self.buckets.left(Bucket::of(id));
        crash::point("place.renamed");
        Ok(())
    }

    /// Removes what is left of a file that cannot be placed, unless it can be by now. No other process has
    /// the folder.
    pub(super) fn give_up(&self, id: UploadId, length: u64, place: &Place) -> Result<bool, StoreError> {
        match self.place(id, length, place) {
            Err(StoreError::Damaged(_)) => {}
            placed => return placed.map(|()| false),
        }
        self.discard(id)?;
        match fs::remove_dir_all(self.folder_of(place)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
            removed => Ok(removed.map(|()| true)?),
        }
    }

    /// Makes a part of another length exactly the bytes of the record. Bytes beyond are what a crash left,
    /// too few are damage, and an upload of no bytes has no part yet.
    fn ready(&self, id: UploadId, part: &Path, found: Option<u64>, length: u64) -> Result<(), StoreError> {
        match found {
            None if length == 0 => self.settle(&self.buckets.create(id, || File::create(part))?),
            Some(found) if found > length => {
                let file = File::options().write(true).open(part)?;
                file.set_len(length)?;
                self.settle(&file)
            }
            found => Err(StoreError::Damaged(format!("{} has {found:?} of {length} bytes", part.display()))),
        }
    }

    fn settle(&self, file: &File) -> Result<(), StoreError> {
        if self.durability.syncs() {
            file.sync_all()?;
        }
        Ok(())
    }
}

/// Gives the only file of a message's folder this name, if it has the right length.
fn take_name(folder: &Path, name: &Path, length: u64) -> io::Result<()> {
    let mut files = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        files => files?,
    };
    match (files.next().transpose()?, files.next()) {
        (Some(only), None) if only.metadata()?.len() == length => fs::rename(only.path(), name),
        _ => Ok(()),
    }
}

pub(super) fn make_folder(folder: &Path) -> io::Result<()> {
    match fs::create_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        outcome => outcome,
    }
}

pub(super) fn length_of(file: &Path) -> io::Result<Option<u64>> {
    match fs::metadata(file) {
        Ok(metadata) => Ok(Some(metadata.len())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
