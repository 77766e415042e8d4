//! Counts of what exists at present.

use super::Level;

/// Something that a gauge counts until this is dropped.
#[derive(Debug)]
pub struct Counted(Level);

impl Counted {
    /// Adds one to the gauge.
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
