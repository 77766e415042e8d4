//! The bytes of a record on their way to the disk.

/// Where in memory the operating system can let a disk fetch bytes from: at multiples of this.
const ALIGNMENT: usize = 4096;

/// Bytes that begin at a multiple of [`ALIGNMENT`].
#[derive(Debug, Default)]
pub(super) struct Buffer {
    memory: Vec<u8>,
    /// Where they begin.
    start: usize,
}

impl Buffer {
    /// Empties the buffer and makes room for this many bytes, which the caller adds to what is answered.
    pub(super) fn begin(&mut self, length: usize) -> &mut Vec<u8> {
        self.memory.clear();
        // What is added, and filled up, never moves the rest.
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
