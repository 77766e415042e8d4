//! sled's file, written through.
//!
//! sled writes over a segment of its log once the bytes that replace it are on the disk. It takes them to be
//! there after writing them back, without the file's metadata, and not out of the disk's own cache. A power
//! cut then finds the old segment overwritten and the new one gone, and the log cannot be read any more. With
//! the attribute that makes every write of a file synchronous (`chattr +S`) the bytes are there.

use std::fs::File;
use std::io;
use std::path::Path;

use rustix::fs::{IFlags, ioctl_getflags, ioctl_setflags};

use crate::store::Durability;

/// Makes every write of a file durable before it returns, or no longer, as the durability asks for.
pub(crate) fn set(file: &File, path: &Path, durability: Durability) {
    match change(file, durability.syncs()) {
        // Such rows do not survive a power cut anyway.
        Err(_) if !durability.syncs() => {}
        Err(error) => tracing::warn!(
            file = %path.display(), %error,
            "the file system does not write single files through; a power cut may damage the records"
        ),
        Ok(()) => {}
    }
}

/// The reason why files of this folder cannot be written through; `None` if they can. It is found out with a
/// file that no other process sees.
///
/// # Errors
/// The error, if no file can be made there.
pub fn why_not_written_through(folder: &Path) -> io::Result<Option<io::Error>> {
    let file = tempfile::tempfile_in(folder)?;
    if let Err(error) = change(&file, true) {
        return Ok(Some(error));
    }
    // A file system may take the attribute and forget it.
    let is_kept = ioctl_getflags(&file)?.contains(IFlags::SYNC);
    Ok((!is_kept).then(|| io::ErrorKind::Unsupported.into()))
}

fn change(file: &File, is_wanted: bool) -> io::Result<()> {
    let flags = ioctl_getflags(file)?;
    if flags.contains(IFlags::SYNC) == is_wanted {
        return Ok(());
    }
    Ok(ioctl_setflags(file, flags ^ IFlags::SYNC)?)
}
