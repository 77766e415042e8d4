//! Which of an upload's holders may still write.

/// The number of a holder. It grows each time that an upload is taken from its holder, so that what that one writes
/// late is known, and refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Epoch(u64);

impl Epoch {
    /// The epoch of an upload that was never taken from a holder that might still write: where one process has all
    /// uploads, its holders let go before they are followed, and this is the only epoch that there is.
    pub const FIRST: Self = Self(0);

    /// The epoch with this number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Its number.
    pub const fn number(self) -> u64 {
        self.0
    }

    /// The epoch after it.
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}
