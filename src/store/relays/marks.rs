//! The marks of a line. Pure.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How long a mark may be under way.
const LONGEST: Duration = Duration::from_secs(5);

/// The marks that are under way, and the time of the last one that came back.
#[derive(Debug)]
pub(super) struct Marks {
    under_way: VecDeque<(u64, Instant)>,
    last: u64,
    since: Instant,
}

impl Marks {
    /// No marks, on a channel that is listened to from now on.
    pub(super) fn from(now: Instant) -> Self {
        Self { under_way: VecDeque::new(), last: 0, since: now }
    }

    /// The number of the next mark, which is sent now.
    pub(super) fn next(&mut self, now: Instant) -> u64 {
        self.last += 1;
        self.under_way.push_back((self.last, now));
        self.last
    }

    /// Notes that a mark came back, and so everything that was handed on before it.
    pub(super) fn came_back(&mut self, number: u64) {
        while let Some((first, at)) = self.under_way.front().copied()
            && first <= number
        {
            self.since = at;
            self.under_way.pop_front();
        }
    }

    /// Whether a mark is under way for too long.
    pub(super) fn is_late(&self, now: Instant) -> bool {
        self.under_way.front().is_some_and(|(_, at)| now.duration_since(*at) >= LONGEST)
    }

    /// The instant since which something may be missing.
    pub(super) fn since(&self) -> Instant {
        self.since
    }

    /// Expects none of the marks any more, which were sent over a line that is broken.
    pub(super) fn forget(&mut self) {
        self.under_way.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_back_is_not_missing_and_what_is_late_shows() {
        let begun = Instant::now();
        let at = |secs| begun + Duration::from_secs(secs);
        let mut marks = Marks::from(begun);
        assert_eq!((marks.since(), marks.is_late(at(60))), (begun, false));
        assert_eq!((marks.next(at(1)), marks.next(at(2)), marks.next(at(3))), (1, 2, 3));
        marks.came_back(1);
        assert_eq!((marks.since(), marks.is_late(at(6)), marks.is_late(at(7))), (at(1), false, true));
        marks.came_back(3);
        assert_eq!((marks.since(), marks.is_late(at(60))), (at(3), false));
        marks.came_back(2);
        marks.next(at(10));
        marks.forget();
        marks.came_back(4);
        assert_eq!(
            (marks.since(), marks.is_late(at(60))),
            (at(3), false),
            "a line that broke brings nothing"
        );
    }
}
