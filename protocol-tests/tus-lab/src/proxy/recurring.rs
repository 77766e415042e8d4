use std::time::{Duration, Instant};

use super::step::Step;

/// The distance between two troubles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Every {
    /// A number of bytes from the clients.
    Bytes(u64),
    /// A time; a trouble that is due waits for the next byte.
    Time(Duration),
}

/// Troubles that recur without an end.
#[derive(Debug, Clone)]
pub struct Recurring {
    every: Every,
    steps: Vec<Step>,
    taken: usize,
    due: Due,
}

/// When the next trouble comes.
#[derive(Debug, Clone, Copy)]
enum Due {
    Bytes(u64),
    Time(Instant),
}

impl Recurring {
    /// Recurring troubles: these steps in turn, at even distances.
    ///
    /// # Panics
    /// When there are no steps.
    #[must_use]
    pub fn in_turn(every: Every, steps: Vec<Step>) -> Self {
        assert!(!steps.is_empty(), "troubles that recur are at least one");
        let mut recurring = Self { every, steps, taken: 0, due: Due::Bytes(0) };
        recurring.due = recurring.next_due(0, Instant::now());
        recurring
    }

    /// How many bytes may go before the next trouble: if it is due by time, 0 when it is due, and none
    /// before.
    pub(super) fn room(&self, count: u64, now: Instant) -> Option<u64> {
        match self.due {
            Due::Bytes(at) => Some(at.saturating_sub(count)),
            Due::Time(at) => (at <= now).then_some(0),
        }
    }

    /// The trouble that is due, if one is.
    pub(super) fn reached(&mut self, count: u64, now: Instant) -> Option<Step> {
        if self.room(count, now) != Some(0) {
            return None;
        }
        let step = self.steps[self.taken % self.steps.len()];
        self.taken += 1;
        self.due = self.next_due(count, now);
        Some(step)
    }

    /// When the next trouble is due: at least one byte, or one millisecond, later, so that clients get on at
    /// all.
    fn next_due(&self, count: u64, now: Instant) -> Due {
        match self.every {
            Every::Bytes(bytes) => Due::Bytes(count + bytes.max(1)),
            Every::Time(time) => Due::Time(now + time.max(Duration::from_millis(1))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::step::Cut;
    use super::*;

    const STEPS: [Step; 3] = [Step::Cut(Cut::Fin), Step::LoseAnswer, Step::Vanish];

    /// The places and steps of the first troubles.
    fn first(mut recurring: Recurring, number: usize) -> Vec<(u64, Step)> {
        let (mut count, now) = (0, Instant::now());
        (0..number)
            .map(|_| {
                count += recurring.room(count, now).expect("it waits for bytes");
                (count, recurring.reached(count, now).expect("it is due"))
            })
            .collect()
    }

    #[test]
    fn in_turn_means_one_after_the_other_at_even_distances() {
        let troubles = first(Recurring::in_turn(Every::Bytes(10), STEPS.into()), 4);
        assert_eq!(troubles, [(10, STEPS[0]), (20, STEPS[1]), (30, STEPS[2]), (40, STEPS[0])]);
    }

    #[test]
    fn time_brings_trouble_with_the_next_byte() {
        let every = Duration::from_secs(5);
        let mut recurring = Recurring::in_turn(Every::Time(every), STEPS.into());
        let now = Instant::now();
        assert_eq!(recurring.room(0, now), None);
        assert_eq!(recurring.reached(0, now), None);
        assert_eq!(recurring.room(0, now + 2 * every), Some(0));
        assert_eq!(recurring.reached(0, now + 2 * every), Some(STEPS[0]));
        assert_eq!(recurring.reached(0, now + 2 * every), None);
    }
}
