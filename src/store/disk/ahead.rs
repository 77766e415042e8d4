//! Asking the disk for bytes before they are read.

use std::fs::File;
use std::num::NonZeroU64;

use rustix::fs::{Advice, fadvise};

/// How far ahead a reader begins to ask; each time that it has to wait it asks for twice as much.
const FIRST: u64 = 512 * 1024;
/// How far ahead a reader asks at most. A disk is at its best with some MiB on their way.
const MOST: u64 = 4 * 1024 * 1024;
/// The most that is asked for at once: the kernel leaves out what exceeds its own bound for a request.
const STEP: u64 = 256 * 1024;

/// What one reader of a file has asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ahead {
    /// Up to where the reader wants bytes.
    end: u64,
    /// Up to where they were asked for; 0 before the first time.
    asked: u64,
    window: u64,
}

impl Ahead {
    pub(super) fn new(end: u64) -> Self {
        Self { end, asked: 0, window: FIRST / 2 }
    }

    /// Whether more is to be asked for by the time that the bytes at `at` are read. A reader that never had
    /// to wait asks for nothing.
    pub(super) fn is_short(&self, at: u64) -> bool {
        (1..self.end).contains(&self.asked) && at + self.window / 2 >= self.asked
    }

    /// Asks for the bytes from `at` on, as far as they were not asked for. May take a moment.
    pub(super) fn ask(&mut self, file: &File, at: u64) {
        self.window = (self.window * 2).min(MOST);
        let until = self.end.min(at + self.window);
        let mut from = self.asked.max(at);
        while from < until {
            let length = STEP.min(until - from);
            // Only advice: without it the bytes come later.
            let _ = fadvise(file, from, NonZeroU64::new(length), Advice::WillNeed);
            from += length;
        }
        self.asked = self.asked.max(until);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_waits_asks_for_more_each_time_and_not_beyond_its_end() {
        let file = tempfile::tempfile().expect("a file");
        let mut ahead = Ahead::new(10 * MOST);
        assert!(!ahead.is_short(0), "nobody has waited");
        let mut asked = Vec::new();
        for _ in 0..6 {
            let before = ahead.asked;
            ahead.ask(&file, before);
            asked.push(ahead.asked - before);
            assert!(!ahead.is_short(before) && ahead.is_short(ahead.asked));
        }
        assert_eq!(asked, [FIRST, 2 * FIRST, 4 * FIRST, MOST, MOST, MOST]);
        ahead.ask(&file, 10 * MOST - 1);
        assert_eq!((ahead.asked, ahead.is_short(10 * MOST - 1)), (10 * MOST, false));
    }
}
