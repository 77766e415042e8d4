//! How many of something there are now.

use super::Level;

/// One of them, counted by a gauge until it is dropped.
#[derive(Debug)]
pub struct Counted(Level);

impl Counted {
    /// Counts one more.
    pub fn by(gauge: &Level) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}
