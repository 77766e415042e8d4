//! What ended servers leave behind.
//!
//! ext4 does not use the inode of a deleted file again for a minute or more, and looks at each of those that
//! it has to pass over whenever a file is created: where thousands were just deleted, a creation costs
//! several times as much. So that no work is measured on the ruins of the one before, small files stay until
//! the last one is done.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Files of this and more bytes are few, and would fill the disk.
const LARGE: u64 = 1024 * 1024;

/// Where they are kept below the servers' folders.
pub(super) fn folder(options: &super::Options) -> PathBuf {
    options.folder.join("ended")
}

/// Deletes everything that is kept.
pub(super) fn clear(options: &super::Options) {
    _ = fs::remove_dir_all(folder(options));
}

/// Keeps what an ended server left, but for large files, until [`clear`].
pub(super) fn keep(options: &super::Options, ended: &Path) -> io::Result<()> {
    let kept = folder(options);
    fs::create_dir_all(&kept)?;
    delete_large(ended)?;
    let number = fs::read_dir(&kept)?.count();
    fs::rename(ended, kept.join(number.to_string()))
}

fn delete_large(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        if metadata.is_dir() {
            delete_large(&entry.path())?;
        } else if metadata.len() >= LARGE {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
