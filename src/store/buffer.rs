//! Memory for large writes: reused, and bounded for all uploads together.
//!
//! In a buffer a byte lies as far behind a block's beginning as it does in the file. So all of a buffer but
//! an incomplete first or last block can be written past the page cache, without another copy.

use std::fmt;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Buf, Bytes};

/// The unit in which memory and files are written past the page cache: a page, and on all but rare devices
/// at least a sector.
pub const BLOCK: usize = 4096;
/// The bytes of a buffer. Larger writes are not faster.
pub const BUFFER_BYTES: usize = 1024 * 1024;

/// The most buffers that stay in memory when none is used.
const KEPT: usize = 4;

/// All buffers. They are made when they are needed.
#[derive(Debug)]
pub struct Buffers {
    most: usize,
    list: Mutex<FreeList>,
}

#[derive(Default)]
struct FreeList {
    free: Vec<Memory>,
    lent: usize,
}

/// Zeros, one block more than a buffer has, so that it can begin on a block.
struct Memory(Vec<u8>);

/// A buffer that is filled. Dropped, also as bytes, it can be used again.
pub struct Buffer {
    memory: Memory,
    start: usize,
    end: usize,
    limit: usize,
    buffers: Arc<Buffers>,
}

impl Buffers {
    /// At most this many buffers at a time.
    pub fn new(most: usize) -> Self {
        Self { most, list: Mutex::default() }
    }

    /// A buffer for the bytes from this offset of a file on; `None` if all are in use.
    pub fn take(self: &Arc<Self>, offset: u64) -> Option<Buffer> {
        let memory = {
            let mut list = self.list();
            if list.lent >= self.most {
                return None;
            }
            list.lent += 1;
            list.free.pop()
        };
        let memory = memory.unwrap_or_else(|| Memory(vec![0; BUFFER_BYTES + BLOCK]));
        let first = memory.0.as_ptr().align_offset(BLOCK);
        let start = first + behind_block(offset);
        Some(Buffer { memory, start, end: start, limit: first + BUFFER_BYTES, buffers: Arc::clone(self) })
    }

    fn put_back(&self, memory: Memory) {
        let mut list = self.list();
        list.lent -= 1;
        list.free.push(memory);
        let surplus = if list.lent == 0 {
            let kept = list.free.len().min(KEPT);
            list.free.split_off(kept)
        } else {
            Vec::new()
        };
        drop(list);
        drop(surplus);
    }

    fn list(&self) -> MutexGuard<'_, FreeList> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How far an offset lies behind the beginning of its block.
pub fn behind_block(offset: u64) -> usize {
    usize::try_from(offset % BLOCK as u64).expect("less than a block")
}

impl Buffer {
    /// Takes bytes from the front of `data`, as many as fit.
    pub fn fill(&mut self, data: &mut Bytes) {
        let fits = data.len().min(self.limit - self.end);
        self.memory.0[self.end..self.end + fits].copy_from_slice(&data[..fits]);
        self.end += fits;
        data.advance(fits);
    }

    /// Takes at most so many bytes of a file, from this offset on, as many as fit.
    ///
    /// # Errors
    /// The error of the operating system, also if the file ends before.
    pub fn read(&mut self, file: &File, offset: u64, most: u64) -> io::Result<()> {
        let most = usize::try_from(most).unwrap_or(usize::MAX).min(self.limit - self.end);
        file.read_exact_at(&mut self.memory.0[self.end..self.end + most], offset)?;
        self.end += most;
        Ok(())
    }

    /// The number of bytes in it.
    pub fn len(&self) -> usize {
        self.end - self.start
    }

    /// Whether it has no bytes.
    pub fn is_empty(&self) -> bool {
        self.end == self.start
    }

    /// Whether it takes no more. What follows its last byte in the file is the beginning of a block.
    pub fn is_full(&self) -> bool {
        self.end == self.limit
    }

    /// Its bytes, where they lie.
    pub fn freeze(self) -> Bytes {
        Bytes::from_owner(self)
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.memory.0[self.start..self.end]
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.buffers.put_back(Memory(std::mem::take(&mut self.memory.0)));
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buffer").field("length", &self.len()).finish_non_exhaustive()
    }
}

impl fmt::Debug for FreeList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FreeList").field("free", &self.free.len()).field("lent", &self.lent).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_lies_in_memory_as_in_the_file_and_ends_with_a_block() {
        let buffers = Arc::new(Buffers::new(1));
        for offset in [0, 1, 4095, 4096, 4097, BUFFER_BYTES as u64 - 1, 1 << 40] {
            let mut buffer = buffers.take(offset).expect("free");
            assert!(buffer.is_empty());
            let mut data = Bytes::from(vec![7; BUFFER_BYTES + 1]);
            buffer.fill(&mut data);
            assert!(buffer.is_full());
            assert_eq!(data.len() + buffer.len(), BUFFER_BYTES + 1);
            let bytes = buffer.freeze();
            assert_eq!((offset + bytes.len() as u64) % BLOCK as u64, 0);
            assert_eq!(bytes.as_ptr().addr() % BLOCK, behind_block(offset));
            assert!(bytes.iter().all(|byte| *byte == 7));
        }
    }

    #[test]
    fn buffers_are_bounded_and_come_back_when_the_last_of_their_bytes_are_dropped() {
        let buffers = Arc::new(Buffers::new(KEPT + 2));
        let all: Vec<_> = (0..KEPT + 2).map(|_| buffers.take(0).expect("free")).collect();
        assert!(buffers.take(0).is_none());
        let mut bytes: Vec<_> = all.into_iter().map(Buffer::freeze).collect();
        let share = bytes[0].clone();
        bytes.remove(0);
        assert!(buffers.take(0).is_none(), "a share of it is in use");
        bytes.remove(0);
        assert!(buffers.take(0).is_some());
        bytes.clear();
        assert_eq!(buffers.list().lent, 1);
        drop(share);
        let list = buffers.list();
        assert_eq!((list.lent, list.free.len()), (0, KEPT), "few stay");
    }
}
