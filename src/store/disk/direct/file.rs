//! A part file that is open past the page cache, beside the descriptor that goes through it.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use rustix::fs::OFlags;
use rustix::io::Errno;

use super::reserved::Reserved;
use super::{DIRECT_FILES, Direct};
use crate::crash;

/// One file's way past the page cache.
#[derive(Debug)]
pub(in crate::store::disk) struct DirectFile {
    file: Arc<File>,
    reserved: Reserved,
    slot: Slot,
}

/// The right to one more open file.
#[derive(Debug)]
struct Slot(Arc<Direct>);

impl Slot {
    fn take(direct: &Arc<Direct>) -> Option<Self> {
        let more = |files: usize| (files < DIRECT_FILES).then_some(files + 1);
        direct.files.fetch_update(Ordering::AcqRel, Ordering::Acquire, more).ok()?;
        Some(Self(Arc::clone(direct)))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.files.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A write past the page cache. It blocks.
pub(in crate::store::disk) struct Write {
    pub(in crate::store::disk) blocks: Bytes,
    pub(in crate::store::disk) offset: u64,
    file: Arc<File>,
    cached: Arc<File>,
    direct: Arc<Direct>,
}

impl DirectFile {
    /// Opens the file, which exists; `None` where that cannot be had.
    pub(in crate::store::disk) fn open(direct: &Arc<Direct>, path: &Path, offset: u64) -> Option<Self> {
        let slot = Slot::take(direct)?;
        let flags = i32::try_from(OFlags::DIRECT.bits()).expect("a flag is small");
        match OpenOptions::new().write(true).custom_flags(flags).open(path) {
            Ok(file) => {
                let reserved = Reserved::none(Arc::clone(direct), offset);
                Some(Self { file: Arc::new(file), reserved, slot })
            }
            Err(error) => {
                if error.kind() == io::ErrorKind::InvalidInput {
                    direct.refuse(&error);
                }
                None
            }
        }
    }

    /// Whether extents for blocks up to this offset are reserved, or cannot be.
    pub(in crate::store::disk) fn is_reserved(&self, offset: u64) -> bool {
        self.reserved.reaches(offset)
    }

    /// Reserves extents up to `end` at most.
    pub(in crate::store::disk) fn reserve(&mut self, file: &File, end: u64) {
        self.reserved.extend(file, end);
    }

    /// Whether extents are reserved behind what is being written.
    pub(in crate::store::disk) fn is_ahead(&self) -> bool {
        self.reserved.is_left()
    }

    /// The write of these blocks; where it is refused, `cached` is the file through the page cache.
    pub(in crate::store::disk) fn write(&mut self, cached: Arc<File>, blocks: Bytes, offset: u64) -> Write {
        self.reserved.written(offset + blocks.len() as u64);
        let direct = Arc::clone(&self.slot.0);
        Write { blocks, offset, file: Arc::clone(&self.file), cached, direct }
    }
}

impl Write {
    /// Writes the blocks to the disk.
    pub(in crate::store::disk) fn run(self) -> Result<(), Errno> {
        let written = match write_all(&self.file, &self.blocks, self.offset) {
            // A file system may open such a file, and refuse to write it.
            Err(errno @ (Errno::INVAL | Errno::OPNOTSUPP)) => {
                self.direct.refuse(&errno.into());
                write_all(&self.cached, &self.blocks, self.offset)
            }
            written => written,
        };
        crash::point("past.written");
        written
    }
}

fn write_all(file: &File, mut bytes: &[u8], mut offset: u64) -> Result<(), Errno> {
    while !bytes.is_empty() {
        match rustix::io::pwrite(file, bytes, offset) {
            Ok(0) => return Err(Errno::IO),
            Ok(written) => {
                bytes = &bytes[written..];
                offset += written as u64;
            }
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}
