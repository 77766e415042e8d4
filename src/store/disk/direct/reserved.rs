//! Extents that are reserved behind a file's end, so that a large file lies in few of them.

use std::fs::File;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use rustix::fs::{FallocateFlags, fallocate};

use super::Direct;
use crate::store::buffer::BLOCK;

/// How many bytes are reserved at once.
const STEP: u64 = 32 * 1024 * 1024;

/// The extents reserved behind the bytes of one file. They count as free room until they are written: the
/// disk says that they are taken, and the upload's promise counts the same bytes.
#[derive(Debug)]
pub(super) struct Reserved {
    direct: Arc<Direct>,
    range: Range<u64>,
    /// Whether no more is to be had.
    is_over: bool,
}

impl Reserved {
    /// Nothing, for a file that is written from this offset on.
    pub(super) fn none(direct: Arc<Direct>, offset: u64) -> Self {
        Self { direct, range: offset..offset, is_over: false }
    }

    /// Whether bytes up to this offset are reserved, or cannot be.
    pub(super) fn reaches(&self, offset: u64) -> bool {
        self.is_over || self.range.end >= offset
    }

    /// Whether extents are reserved that were not written.
    pub(super) fn is_left(&self) -> bool {
        !self.range.is_empty()
    }

    /// Reserves more, up to `end` at most, as far as the file system does that and there is enough room.
    pub(super) fn extend(&mut self, file: &File, end: u64) {
        let end = end.next_multiple_of(BLOCK as u64).min(self.range.end.saturating_add(STEP));
        let bytes = end.saturating_sub(self.range.end);
        let Direct { ahead, most_ahead, .. } = &*self.direct;
        let taken = |sum: u64| sum.checked_add(bytes).filter(|sum| sum <= most_ahead);
        if ahead.fetch_update(Ordering::AcqRel, Ordering::Acquire, taken).is_err() {
            self.is_over = true;
            return;
        }
        // The length stays that of what was written.
        match fallocate(file, FallocateFlags::KEEP_SIZE, self.range.end, bytes) {
            Ok(()) => self.range.end = end,
            // Not every file system reserves, and a full one cannot: then extents are found at each write.
            Err(_) => {
                ahead.fetch_sub(bytes, Ordering::AcqRel);
                self.is_over = true;
            }
        }
    }

    /// Notes that bytes up to this offset are being written.
    pub(super) fn written(&mut self, until: u64) {
        let start = until.max(self.range.start);
        let used = start.min(self.range.end) - self.range.start;
        self.direct.ahead.fetch_sub(used, Ordering::AcqRel);
        self.range = start..self.range.end.max(start);
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.written(self.range.end);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    const MIB: u64 = 1024 * 1024;

    /// The disk's room, as it is told to uploads, is the same before and after.
    #[test]
    fn what_is_reserved_is_bounded_and_counted_until_it_is_written() {
        let direct = Arc::new(Direct::new(80 * MIB));
        let files = [(); 2].map(|()| tempfile::tempfile().expect("made"));
        let mut one = Reserved::none(Arc::clone(&direct), 8 * MIB);
        one.extend(&files[0], 100 * MIB);
        assert!(one.reaches(8 * MIB + STEP) && !one.reaches(8 * MIB + STEP + 1));
        assert_eq!(direct.ahead(), STEP);
        let metadata = files[0].metadata().expect("there");
        assert_eq!((metadata.len(), metadata.blocks() * 512 / STEP), (0, 1), "reserved behind the end");
        let mut other = Reserved::none(Arc::clone(&direct), 0);
        other.extend(&files[1], 100 * MIB);
        assert!(!other.is_left() && other.reaches(MIB), "no more than half of what is kept free");
        one.written(30 * MIB);
        assert_eq!(direct.ahead(), 10 * MIB);
        one.written(41 * MIB);
        assert_eq!((direct.ahead(), one.is_left()), (0, false));
        one.extend(&files[0], 41 * MIB + 5000);
        assert_eq!(direct.ahead(), 2 * BLOCK as u64, "no block more than the bytes need");
        drop((one, other));
        assert_eq!(direct.ahead(), 0);
    }
}
