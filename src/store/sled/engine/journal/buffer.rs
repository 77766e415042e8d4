//! The bytes of a record on their way to the disk.

/// The alignment of memory from which the operating system can let a disk fetch bytes.
const ALIGNMENT: usize = 4096;

/// Bytes that begin at a multiple of [`ALIGNMENT`].
#[derive(Debug, Default)]
pub(super) struct Buffer {
    memory: Vec<u8>,
    /// The index at which the bytes begin.
    start: usize,
}

impl Buffer {
    /// Empties the buffer and makes room for this many bytes, which the caller adds to the answer.
    pub(super) fn begin(&mut self, length: usize) -> &mut Vec<u8> {
        self.memory.clear();
        // Bytes that are added, and the filling, never move the rest.
        self.memory.reserve(length + 2 * ALIGNMENT);
        self.start = self.memory.as_ptr().align_offset(ALIGNMENT).min(ALIGNMENT);
        self.memory.resize(self.start, 0);
        &mut self.memory
    }

    /// Adds zeros up to this length.
    pub(super) fn fill_up(&mut self, length: usize) {
        self.memory.resize(self.start + length, 0);
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.memory[self.start..]
    }
}
