/// What addresses, offsets and lengths of writes past the page cache are multiples of.
pub(super) const BLOCK: usize = 4096;

/// Memory that begins at a multiple of [`BLOCK`].
#[derive(Debug)]
pub(super) struct Aligned {
    memory: Vec<u8>,
    start: usize,
}

impl Aligned {
    pub(super) fn new(size: usize) -> Self {
        let memory = vec![0; size + BLOCK];
        let start = memory.as_ptr().align_offset(BLOCK);
        Self { memory, start }
    }

    /// The first `count` bytes.
    pub(super) fn first(&mut self, count: usize) -> &mut [u8] {
        &mut self.memory[self.start..self.start + count]
    }
}
