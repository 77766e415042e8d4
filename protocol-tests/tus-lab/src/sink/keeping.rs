use clap::ValueEnum;

/// What is done with the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Keeping {
    /// They are received and forgotten
    Discard,
    /// They are written, by the thread that received them
    Write,
    /// They are written, and synced before the answer
    Fsync,
}
