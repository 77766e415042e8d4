use std::time::{Duration, Instant};

use super::plan::Step;

/// How far apart troubles are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Every {
    /// So many bytes from the clients.
    Bytes(u64),
    /// So much time; a trouble that is due waits for the next byte.
    Time(Duration),
}

/// Troubles without an end: one after the other, or at random from a seed.
#[derive(Debug, Clone)]
pub struct Recurring {
    every: Every,
    steps: Vec<Step>,
    random: Option<fastrand::Rng>,
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
    /// These troubles in turn, at even distances.
    ///
    /// # Panics
    /// When there are none.
    #[must_use]
    pub fn in_turn(every: Every, steps: Vec<Step>) -> Self {
        Self::new(every, steps, None)
    }

    /// Troubles drawn from these, at distances from nothing to twice `every`. The same seed
    /// draws the same ones.
    ///
    /// # Panics
    /// When there are none.
    #[must_use]
    pub fn at_random(every: Every, steps: Vec<Step>, seed: u64) -> Self {
        Self::new(every, steps, Some(fastrand::Rng::with_seed(seed)))
    }

    fn new(every: Every, steps: Vec<Step>, random: Option<fastrand::Rng>) -> Self {
        assert!(!steps.is_empty(), "troubles that recur are at least one");
        let mut recurring = Self { every, steps, random, taken: 0, due: Due::Bytes(0) };
        recurring.due = recurring.next_due(0, Instant::now());
        recurring
    }

    /// How many bytes may go before the next one, if bytes are what it waits for.
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
        let step = self.draw();
        self.due = self.next_due(count, now);
        Some(step)
    }

    fn draw(&mut self) -> Step {
        let number = match &mut self.random {
            Some(random) => random.usize(..self.steps.len()),
            None => self.taken % self.steps.len(),
        };
        self.taken += 1;
        self.steps[number]
    }

    /// At least one byte, or one millisecond, on: without that a client could never say anything.
    fn next_due(&mut self, count: u64, now: Instant) -> Due {
        match self.every {
            Every::Bytes(bytes) => Due::Bytes(count + self.distance(bytes)),
            Every::Time(time) => {
                let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
                Due::Time(now + Duration::from_millis(self.distance(millis)))
            }
        }
    }

    fn distance(&mut self, mean: u64) -> u64 {
        match &mut self.random {
            Some(random) => random.u64(1..=mean.saturating_mul(2).max(1)),
            None => mean.max(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::plan::Cut;
    use super::*;

    const STEPS: [Step; 3] = [Step::Cut(Cut::Fin), Step::LoseAnswer, Step::Vanish];

    /// Where the first troubles come, and which.
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
    fn the_same_seed_brings_the_same_troubles() {
        let drawn = |seed| first(Recurring::at_random(Every::Bytes(1000), STEPS.into(), seed), 50);
        assert_eq!(drawn(7), drawn(7));
        assert_ne!(drawn(7), drawn(8));
        let mean = drawn(7)[49].0 / 50;
        assert!((500..1500).contains(&mean), "{mean}");
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
