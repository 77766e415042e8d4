use clap::ValueEnum;

/// How the sink keeps bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Keeping {
    /// Bytes are received and forgotten
    Discard,
    /// Bytes are written, by the thread that received them
    Write,
    /// Bytes are written, and synced before the answer
    Fsync,
    /// The same, and long bodies go past the page cache, into room that is reserved ahead
    Direct,
    /// The same, and each buffer is hashed by the thread that writes it
    DirectSha256,
}

impl Keeping {
    /// Whether an answer means that the bytes are on the disk.
    pub(super) fn syncs(self) -> bool {
        matches!(self, Self::Fsync | Self::Direct | Self::DirectSha256)
    }

    /// Whether long bodies go past the page cache.
    pub(super) fn is_direct(self) -> bool {
        matches!(self, Self::Direct | Self::DirectSha256)
    }
}
