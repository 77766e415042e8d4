//! How often keys are read, and who may ask for it. Pure but for the clock's type.

use std::time::Duration;

use tokio::time::Instant;

/// A key set is read again after so long, whether anyone asks or not.
const EVERY: Duration = Duration::from_secs(600);
/// What failed is tried again after so long; without any key sooner.
const AFTER_FAILURE: Duration = Duration::from_secs(60);
/// Tokens that name an unknown key have it read at most once in so long, all of them together.
const BETWEEN_ASKED: Duration = Duration::from_secs(60);

/// The reads so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Reads {
    /// So many have begun.
    pub(super) begun: u64,
    /// So many have ended, well or not.
    pub(super) ended: u64,
    /// When the last one began that a token asked for.
    asked: Option<Instant>,
}

/// Why keys are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Occasion {
    /// It was time.
    Due,
    /// A token names an unknown key.
    Asked,
    /// Whoever runs the server said so.
    Told,
}

impl Reads {
    pub(super) fn is_under_way(&self) -> bool {
        self.begun > self.ended
    }

    /// Whether a token may have keys read now.
    pub(super) fn may_ask(&self, now: Instant) -> bool {
        self.asked.is_none_or(|asked| now.duration_since(asked) >= BETWEEN_ASKED)
    }

    pub(super) fn begin(&mut self, occasion: Occasion, now: Instant) {
        self.begun += 1;
        if occasion == Occasion::Asked {
            self.asked = Some(now);
        }
    }

    pub(super) fn end(&mut self) {
        self.ended = self.begun;
    }
}

/// When a key set is to be read next without being asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Schedule {
    /// `None` until there are keys.
    pub(super) due: Instant,
    failures: u32,
}

impl Schedule {
    /// After the read at the start.
    pub(super) fn new(has_keys: bool, now: Instant) -> Self {
        let failures = u32::from(!has_keys);
        Self { due: now + if has_keys { EVERY } else { pause_after(failures) }, failures }
    }

    /// After a read. One that somebody asked for puts off the next one if it went well, and brings nothing forward if
    /// it did not: no request has keys read more often.
    pub(super) fn after(self, occasion: Occasion, succeeded: bool, has_keys: bool, now: Instant) -> Self {
        match (succeeded, has_keys) {
            (true, _) => Self { due: now + EVERY, failures: 0 },
            (false, _) if occasion != Occasion::Due => self,
            (false, true) => Self { due: now + AFTER_FAILURE, failures: self.failures + 1 },
            (false, false) => {
                let failures = self.failures + 1;
                Self { due: now + pause_after(failures), failures }
            }
        }
    }
}

/// 1, 2, 4 s and so on: a server without keys is of no use to anyone.
fn pause_after(failures: u32) -> Duration {
    AFTER_FAILURE.min(Duration::from_secs(1 << failures.saturating_sub(1).min(6)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn tokens_have_keys_read_once_a_minute() {
        let mut reads = Reads::default();
        let start = Instant::now();
        let after = |secs| start + Duration::from_secs(secs);
        assert!(reads.may_ask(start));
        reads.begin(Occasion::Due, start);
        assert!(reads.is_under_way() && reads.may_ask(start), "nobody asked for that one");
        reads.end();
        reads.begin(Occasion::Asked, after(1));
        reads.end();
        reads.begin(Occasion::Told, after(2));
        reads.end();
        assert!(!reads.is_under_way());
        assert!(!reads.may_ask(after(1)) && !reads.may_ask(after(60)) && reads.may_ask(after(61)));
    }

    #[tokio::test(start_paused = true)]
    async fn what_fails_is_tried_again_and_no_request_brings_it_forward() {
        let now = Instant::now();
        let pause = |schedule: Schedule| schedule.due.duration_since(now).as_secs();
        let due = |schedule: Schedule, keys| schedule.after(Occasion::Due, false, keys, now);
        let mut schedule = Schedule::new(false, now);
        let mut pauses = vec![pause(schedule)];
        for _ in 0..8 {
            schedule = due(schedule, false);
            pauses.push(pause(schedule));
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        let schedule = Schedule::new(true, now);
        assert_eq!(pause(schedule), 600);
        assert_eq!(pause(due(schedule, true)), 60);
        for occasion in [Occasion::Asked, Occasion::Told] {
            assert_eq!(pause(schedule.after(occasion, false, true, now)), 600);
            assert_eq!(pause(due(schedule, true).after(occasion, true, true, now)), 600);
        }
    }
}
