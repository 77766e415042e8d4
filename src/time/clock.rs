//! The clock that this process goes by: the machine's or, where processes share a database, the database's,
//! so that one on a machine whose clock is wrong does nothing early or late.
//!
//! ```text
//! asked ──── the answer has the other clock's time ────► answered
//!       half of the way back from the answer, give or take as much
//! ```
//! Between two readings time goes on by the machine's monotonic clock: setting its clock changes nothing.

use std::env;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, OnceLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::Timestamp;

/// The environment variable by which a test sets the machine's clock wrong: seconds ahead, or behind with a
/// minus.
pub const VARIABLE: &str = "LONGHAUL_CLOCK_AHEAD";

/// How far two readings may be apart without one of them being wrong.
const TOLERANCE: Duration = Duration::from_millis(50);

/// The clock that this process goes by.
static CLOCK: Clock = Clock { start: LazyLock::new(Instant::now), shared: AtomicU64::new(NONE) };
/// No clock was read.
const NONE: u64 = 0;

/// A clock that others set.
struct Clock {
    start: LazyLock<Instant>,
    /// The other clock's time at the start, in milliseconds.
    shared: AtomicU64,
}

/// What was read from a clock that several processes share.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    at: Timestamp,
    middle: Instant,
    doubt: Duration,
}

impl Reading {
    /// A time that came with an answer which took from `asked` until now.
    pub fn of(at: Timestamp, asked: Instant) -> Self {
        let doubt = asked.elapsed() / 2;
        Self { at, middle: asked + doubt, doubt }
    }

    /// Makes the clock that was read the one that this process goes by.
    pub fn go_by(self) {
        CLOCK.set(self);
    }

    /// How far the machine's clock is from the one that was read, as far as that is certain.
    pub fn machine_is_off_by(self) -> Duration {
        let read = self.at.millis() + millis(self.middle.elapsed());
        let apart = Duration::from_millis(of_the_machine().millis().abs_diff(read));
        apart.saturating_sub(self.doubt)
    }
}

impl Clock {
    fn now(&self) -> Option<Timestamp> {
        self.at(Instant::now())
    }

    fn at(&self, moment: Instant) -> Option<Timestamp> {
        let shared = self.shared.load(Ordering::Relaxed);
        (shared != NONE).then(|| Timestamp::from_millis(shared + self.since_start(moment)))
    }

    /// A reading that tells nothing new leaves the clock as it is: an answer that took long is vague.
    fn set(&self, reading: Reading) {
        let (start, read) = (self.since_start(reading.middle), reading.at.millis());
        let is_known = self.at(reading.middle).is_some_and(|known| {
            Duration::from_millis(known.millis().abs_diff(read)) <= reading.doubt + TOLERANCE
        });
        if !is_known {
            self.shared.store(read.saturating_sub(start).max(NONE + 1), Ordering::Relaxed);
        }
    }

    fn since_start(&self, moment: Instant) -> u64 {
        millis(moment.saturating_duration_since(*self.start))
    }
}

pub(super) fn now() -> Timestamp {
    CLOCK.now().unwrap_or_else(of_the_machine)
}

/// The time of this machine's clock.
fn of_the_machine() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Timestamp::from_millis(millis(since).saturating_add_signed(ahead_secs() * 1000))
}

/// How far a test has set the machine's clock ahead.
fn ahead_secs() -> i64 {
    static AHEAD: OnceLock<i64> = OnceLock::new();
    *AHEAD.get_or_init(|| env::var(VARIABLE).ok().and_then(|secs| secs.parse().ok()).unwrap_or(0))
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn clock() -> Clock {
        Clock { start: LazyLock::new(Instant::now), shared: AtomicU64::new(NONE) }
    }

    fn reading(secs: u64, middle: Instant, doubt: Duration) -> Reading {
        Reading { at: Timestamp::from_secs(secs), middle, doubt }
    }

    #[test]
    fn time_goes_on_from_what_was_read() {
        let clock = clock();
        assert_eq!(clock.now(), None);
        let start = *clock.start;
        clock.set(reading(5_000, start + SECOND, Duration::ZERO));
        for (after, at) in [(1, 5_000), (2, 5_001), (3_601, 8_600)] {
            assert_eq!(clock.at(start + after * SECOND), Some(Timestamp::from_secs(at)));
        }
    }

    #[test]
    fn a_reading_counts_as_far_as_it_is_certain() {
        for (doubt, read, at) in [
            (Duration::ZERO, 1_000, 1_000),
            (Duration::ZERO, 9_000, 9_000),
            (SECOND, 1_001, 1_000),
            (SECOND, 999, 1_000),
            (SECOND, 998, 998),
            (3 * SECOND, 4_600, 4_600),
        ] {
            let clock = clock();
            let start = *clock.start;
            clock.set(reading(1_000, start, Duration::ZERO));
            clock.set(reading(read, start, doubt));
            assert_eq!(clock.at(start), Some(Timestamp::from_secs(at)), "{read} give or take {doubt:?}");
        }
    }
}
