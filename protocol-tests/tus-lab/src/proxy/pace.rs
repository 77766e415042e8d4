use std::time::{Duration, Instant};

/// How many pieces a second a limited direction carries: enough for a steady stream.
const PIECES_PER_SEC: u64 = 20;

/// A bandwidth that all connections share.
#[derive(Debug)]
pub(super) struct Pace {
    bytes_per_sec: u64,
    free_at: Option<Instant>,
}

impl Pace {
    /// A pace with this bandwidth, of at least one byte a second: bytes have to arrive some day.
    pub(super) fn new(bytes_per_sec: u64) -> Self {
        Self { bytes_per_sec: bytes_per_sec.max(1), free_at: None }
    }

    /// How many bytes are carried at once.
    pub(super) fn piece(&self) -> usize {
        usize::try_from((self.bytes_per_sec / PIECES_PER_SEC).max(1)).unwrap_or(usize::MAX)
    }

    /// Reserves the line for this many bytes, and returns when they have arrived.
    pub(super) fn reserve(&mut self, count: usize, now: Instant) -> Instant {
        let start = self.free_at.map_or(now, |free_at| free_at.max(now));
        let nanos = count as u128 * 1_000_000_000 / u128::from(self.bytes_per_sec);
        let end = start + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX / 2));
        self.free_at = Some(end);
        end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_wait_for_those_before_them() {
        let mut pace = Pace::new(1000);
        let now = Instant::now();
        assert_eq!(pace.reserve(500, now) - now, Duration::from_millis(500));
        assert_eq!(pace.reserve(250, now) - now, Duration::from_millis(750));
        let later = now + Duration::from_secs(10);
        assert_eq!(pace.reserve(1, later) - later, Duration::from_millis(1));
    }

    #[test]
    fn a_piece_is_never_nothing() {
        assert_eq!(Pace::new(0).piece(), 1);
        assert_eq!(Pace::new(1 << 20).piece(), (1 << 20) / 20);
    }
}
