//! PURE: frames that cost a server more than their sender. A client of HTTP/2 may send some at once, a few each second,
//! and as many more as go with what it is sent.

use tokio::time::Instant;

use super::frames::{DATA, Frame, HEADERS};

/// So many at once.
const BURST: f64 = 1000.0;
const A_SECOND: f64 = 10.0;
/// For each answer: its request may have been withdrawn, or had a priority.
const AN_ANSWER: f64 = 4.0;
/// A client makes room for what it has read, at the worst for the stream and for the connection after each kibibyte.
const BYTES: f64 = 512.0;

/// How many more frames a client may send that bring nothing.
#[derive(Debug)]
pub(super) struct Credit {
    left: f64,
    at: Instant,
}

impl Credit {
    pub(super) fn new(now: Instant) -> Self {
        Self { left: BURST, at: now }
    }

    /// Takes in a frame of the client, and answers whether it may send that.
    pub(super) fn came(&mut self, frame: &Frame<'_>, now: Instant) -> bool {
        // Requests and what is in them are bounded elsewhere.
        if matches!(frame.kind, DATA | HEADERS) {
            return true;
        }
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.at = now;
        self.give(passed * A_SECOND);
        self.left -= 1.0;
        self.left >= 0.0
    }

    /// Takes in a frame for the client.
    pub(super) fn went(&mut self, frame: &Frame<'_>) {
        match frame.kind {
            DATA => self.give(f64::from(frame.length) / BYTES),
            HEADERS => self.give(AN_ANSWER),
            _ if frame.asks() => self.give(1.0),
            _ => {}
        }
    }

    fn give(&mut self, frames: f64) {
        self.left = (self.left + frames).min(BURST);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::frames::Frames;
    use super::*;

    const PRIORITY: u8 = 2;

    fn each(kind: u8, length: u32, see: impl FnMut(&Frame<'_>)) {
        let [_, a, b, c] = length.to_be_bytes();
        Frames::after(0).pass(&[a, b, c, kind, 0, 0, 0, 0, 1], see);
    }

    /// How many frames a client may send at once.
    fn left(credit: &mut Credit, now: Instant) -> usize {
        let mut count = 0;
        loop {
            let mut may = false;
            each(PRIORITY, 0, |frame| may = credit.came(frame, now));
            if !may {
                return count;
            }
            count += 1;
        }
    }

    #[test]
    fn what_brings_nothing_is_bounded_at_once_and_in_the_long_run() {
        let start = Instant::now();
        let mut credit = Credit::new(start);
        assert_eq!(left(&mut credit, start), 1000);
        let later = start + Duration::from_secs(2);
        assert_eq!(left(&mut credit, later), 19, "the one too many counts");
        assert_eq!(left(&mut credit, later + Duration::from_secs(3600)), 1000);
    }

    #[test]
    fn requests_cost_nothing_and_answers_bring_more() {
        let start = Instant::now();
        let mut credit = Credit::new(start);
        left(&mut credit, start);
        for kind in [DATA, HEADERS] {
            each(kind, 0, |frame| assert!(credit.came(frame, start)));
        }
        each(HEADERS, 0, |frame| credit.went(frame));
        assert_eq!(left(&mut credit, start), 3, "four but for the one too many");
        each(PRIORITY, 0, |frame| credit.went(frame));
        assert_eq!(left(&mut credit, start), 0);
    }
}
