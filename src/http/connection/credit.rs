//! PURE: a budget for HTTP/2 frames that cost a server more than their sender. A client may send a burst of
//! them, a few each second, and more in proportion to what it is sent.

use tokio::time::Instant;

use super::frames::{DATA, Frame, HEADERS};

/// Frames that a client may send at once: its first credit, and the most that it can have.
const BURST: f64 = 1000.0;
const A_SECOND: f64 = 10.0;
/// Credit for each answer: the client may cancel the request, or send a priority for it.
const AN_ANSWER: f64 = 4.0;
/// Bytes sent that give one frame of credit: at worst a client makes room twice for each KiB it has read.
const BYTES: f64 = 512.0;

/// How many more frames a client may send that are neither HEADERS nor DATA.
#[derive(Debug)]
pub(super) struct Credit {
    left: f64,
    at: Instant,
}

impl Credit {
    pub(super) fn new(now: Instant) -> Self {
        Self { left: BURST, at: now }
    }

    /// Counts a frame from the client, and answers whether the client may send it.
    pub(super) fn came(&mut self, frame: &Frame<'_>, now: Instant) -> bool {
        // Requests and their bodies are bounded elsewhere.
        if matches!(frame.kind, DATA | HEADERS) {
            return true;
        }
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.at = now;
        self.give(passed * A_SECOND);
        self.left -= 1.0;
        self.left >= 0.0
    }

    /// Counts a frame sent to the client, which may give more credit.
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
