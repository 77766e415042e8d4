//! How often keys are read, and what may cause a read. Pure but for the clock's type.

use std::time::Duration;

use tokio::time::Instant;

/// Time after which a key set is read again without a request for it.
const EVERY: Duration = Duration::from_secs(600);
/// Time after which a failed read is tried again; sooner if there is no key at all.
const AFTER_FAILURE: Duration = Duration::from_secs(60);
/// Least time between two reads that tokens with an unknown key ask for, all of them together.
const BETWEEN_ASKED: Duration = Duration::from_secs(60);

/// The reads of the keys so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Reads {
    /// How many reads have begun.
    pub(super) begun: u64,
    /// How many reads have ended, successful or not.
    pub(super) ended: u64,
    /// Start of the last read that a token asked for.
    asked: Option<Instant>,
}

/// Why keys are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Occasion {
    /// The read was due.
    Due,
    /// A token names an unknown key.
    Asked,
    /// The operator asked for it.
    Told,
}

impl Reads {
    pub(super) fn is_under_way(&self) -> bool {
        self.begun > self.ended
    }

    /// Whether a token may ask for a read now.
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

/// The time of a key set's next read, without a request for it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Schedule {
    /// Time at which the next read is due.
    pub(super) due: Instant,
    failures: u32,
}

impl Schedule {
    /// The schedule after the read at the start.
    pub(super) fn new(has_keys: bool, now: Instant) -> Self {
        let failures = u32::from(!has_keys);
        Self { due: now + if has_keys { EVERY } else { pause_after(failures) }, failures }
    }

    /// The schedule after a read. A successful read postpones the next one. A failed read that was requested
    /// changes nothing, so requests never make reads more frequent.
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

/// Pause after a failure: 1, 2, 4 s and so on, because a server without keys is of no use.
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
