//! The progress of an upload as the other members see it: which event is due. Pure; time enters in
//! milliseconds of any clock that never runs backwards.
//!
//! ```text
//!               bytes, at most one event a second
//!                  ┌──────────► upload_progress
//!  upload_started ─► flowing ──five seconds without a byte, or a dead connection──► upload_paused
//!                       ▲                                                              │
//!                       └──────────────────── bytes: upload_progress ◄─────────────────┘
//! ```

/// The shortest time between two progress events.
const PROGRESS_EVERY_MS: u64 = 1000;
/// How long an upload is without a byte before it is paused.
const PAUSED_AFTER_MS: u64 = 5000;

/// The event that is due for the other members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// The event `upload_progress`: bytes came.
    Progress,
    /// The event `upload_paused`: no more bytes come.
    Paused,
}

/// The progress of an upload that the other members know of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Live {
    /// How many bytes have come.
    offset: u64,
    /// How many bytes the last event told of.
    told: u64,
    told_at: u64,
    heard_at: u64,
    is_paused: bool,
}

impl Live {
    /// An upload that begins or continues with this many bytes, of which the others are told now.
    pub fn begin(offset: u64, now: u64) -> Self {
        Self { offset, told: offset, told_at: now, heard_at: now, is_paused: false }
    }

    /// An upload that has got no bytes for long.
    pub fn paused(offset: u64, now: u64) -> Self {
        Self { is_paused: true, ..Self::begin(offset, now) }
    }

    /// How many bytes have come.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Whether the last event was that no bytes come.
    pub fn is_paused(&self) -> bool {
        self.is_paused
    }

    /// Notes a sign of life from the connection, though no byte of it counts yet.
    pub fn heard(&mut self, now: u64) {
        self.heard_at = self.heard_at.max(now);
    }

    /// Notes that the upload has this many bytes; answers the event that is due.
    pub fn reached(&mut self, offset: u64, now: u64) -> Option<Due> {
        if offset > self.offset {
            self.offset = offset;
            self.heard(now);
        }
        self.look(now)
    }

    /// Notes that the connection is dead; answers the event that is due.
    pub fn broke(&mut self, now: u64) -> Option<Due> {
        self.tell(now, !self.is_paused, Due::Paused)
    }

    /// The event that is due by the time alone.
    pub fn look(&mut self, now: u64) -> Option<Due> {
        let is_silent = now.saturating_sub(self.heard_at) >= PAUSED_AFTER_MS;
        if is_silent {
            return self.tell(now, !self.is_paused, Due::Paused);
        }
        let is_time = self.is_paused || now.saturating_sub(self.told_at) >= PROGRESS_EVERY_MS;
        self.tell(now, self.offset > self.told && is_time, Due::Progress)
    }

    fn tell(&mut self, now: u64, is_due: bool, due: Due) -> Option<Due> {
        is_due.then(|| {
            *self = Self { told: self.offset, told_at: now, is_paused: due == Due::Paused, ..*self };
            due
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    enum Step {
        Reached(u64),
        Heard,
        Broke,
        Look,
    }

    #[test]
    fn an_event_is_due_once_and_in_time() {
        use Due::{Paused, Progress};
        use Step::{Broke, Heard, Look, Reached};
        let mut live = Live::begin(0, 0);
        for (now, step, due) in [
            (100, Reached(10), None),
            (900, Reached(20), None),
            (1000, Look, Some(Progress)),
            (1001, Look, None),
            (1999, Reached(30), None),
            (2000, Reached(40), Some(Progress)),
            (6999, Look, None),
            (7000, Look, Some(Paused)),
            (90_000, Look, None),
            (90_001, Reached(40), None),
            (90_002, Reached(41), Some(Progress)),
            (90_003, Broke, Some(Paused)),
            (90_004, Broke, None),
            (90_005, Reached(42), Some(Progress)),
            (94_000, Heard, None),
            (98_999, Look, None),
            (99_000, Look, Some(Paused)),
        ] {
            let found = match step {
                Reached(offset) => live.reached(offset, now),
                Heard => {
                    live.heard(now);
                    None
                }
                Broke => live.broke(now),
                Look => live.look(now),
            };
            assert_eq!(found, due, "at {now}");
        }
        assert_eq!((live.offset(), live.is_paused()), (42, true));
    }

    #[test]
    fn what_was_never_heard_of_is_paused_five_seconds_after_its_start() {
        let mut live = Live::begin(7, 1000);
        assert_eq!(live.look(5999), None);
        assert_eq!(live.look(6000), Some(Due::Paused));
        assert_eq!(Live::paused(7, 0).look(60_000), None, "that was told before");
    }
}
