//! The files that ended servers leave behind.
//!
//! ext4 does not reuse the inode of a deleted file for a minute or more, and looks at each inode that it has
//! to pass over whenever a file is created: after thousands of deletions, a creation costs several times as
//! much. So small files stay until the last work is measured; otherwise each work would pay for the deletions
//! of the one before.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Files of at least this many bytes are deleted at once: they are few, and would fill the disk.
const LARGE: u64 = 1024 * 1024;

/// The folder where they are kept, beside the servers' folders.
pub(super) fn folder(options: &super::Options) -> PathBuf {
    options.folder.join("ended")
}

/// Deletes all files that are kept.
pub(super) fn clear(options: &super::Options) {
    _ = fs::remove_dir_all(folder(options));
}

/// Keeps the files that an ended server left, except large ones, until [`clear`].
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
