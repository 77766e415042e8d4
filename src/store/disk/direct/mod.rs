//! Large writes past the page cache: a copy less, and nothing left for a sync to write.
//!
//! ```text
//! step                              in the cache   on the disk       a kill, or a power cut, leaves
//! a file made, its beginning        dirty          by the next sync  as ever: bytes ahead of their record
//! extents reserved                  -              the file's room   the same bytes; room behind the last
//! blocks written, three at a time   -              in any order      the same, with holes and reserved room
//! a sync begun                      -              once those before it have landed, and it has
//! its row in the ledger             -              with the row      all bytes before the row's end
//! ```
//! What is behind the ledger's end is cut off by the next holder, with what was reserved. A length that
//! covers a hole is never recorded, because a sync waits for all writes that began before it.
//!
//! One block is written in one way only. A piece that begins or ends within a block has that block written
//! through the cache, and the next piece does the same with the rest of it ([`split()`]). So nothing is read
//! to be written again, and the two ways meet only in the file's length.

mod file;
mod policy;
mod reserved;
mod split;
#[cfg(test)]
mod tests;
mod writes;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use crate::store::buffer::Buffers;

pub(super) use file::{DirectFile, Write};
pub(super) use policy::cold;
pub(super) use split::{Split, split};
pub(super) use writes::Writes;

/// The most buffers of all uploads together, and the most files that are open past the page cache.
const BUFFERS: usize = 32;
const DIRECT_FILES: usize = 32;

/// The writes past the page cache of one file system.
#[derive(Debug)]
pub(super) struct Direct {
    buffers: Arc<Buffers>,
    /// Whether the file system has refused such writes.
    is_refused: AtomicBool,
    files: AtomicUsize,
    /// The bytes for which extents are reserved, and which are not written.
    ahead: AtomicU64,
    /// The most such bytes.
    most_ahead: u64,
}

impl Direct {
    /// Writes past the page cache where `reserve` bytes are kept free. Extents are reserved out of these, so
    /// that no other upload lacks them.
    pub(super) fn new(reserve: u64) -> Self {
        Self {
            buffers: Arc::new(Buffers::new(BUFFERS)),
            is_refused: AtomicBool::new(false),
            files: AtomicUsize::new(0),
            ahead: AtomicU64::new(0),
            most_ahead: reserve / 2,
        }
    }

    pub(super) fn buffers(&self) -> &Arc<Buffers> {
        &self.buffers
    }

    /// The bytes of the disk that are reserved for bytes to come.
    pub(super) fn ahead(&self) -> u64 {
        self.ahead.load(Ordering::Acquire)
    }

    pub(super) fn is_refused(&self) -> bool {
        self.is_refused.load(Ordering::Relaxed)
    }

    /// Notes that the file system takes no such writes, and says so once.
    fn refuse(&self, error: &std::io::Error) {
        if !self.is_refused.swap(true, Ordering::Relaxed) {
            tracing::warn!(%error, "the file system refuses writes past the page cache: all go through it");
        }
    }
}
