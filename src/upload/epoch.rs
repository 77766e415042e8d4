//! The epoch of an upload, which says which of its holders may still write.

/// The number of a holder. It grows each time an upload is taken from its holder, so that a late write of
/// that holder is recognized, and refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Epoch(u64);

impl Epoch {
    /// The epoch of an upload that was never taken from a holder that might still write. Where one process
    /// has all uploads, a holder lets go before the next one follows, and this is the only epoch.
    pub const FIRST: Self = Self(0);

    /// The epoch with this number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The epoch's number.
    pub const fn number(self) -> u64 {
        self.0
    }

    /// The next epoch.
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}
