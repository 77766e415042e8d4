//! Reads single settings. Faults are collected, so that all of them can be reported at once.

use std::net::SocketAddr;
use std::time::Duration;

use super::units;
use crate::upload::decimal;

/// The longest time for anything that is repeated or waited for.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// The highest count of anything that takes up memory.
const MOST: u64 = 1_000_000;

/// Collects faults. A value that cannot be read is replaced by one that is never used.
#[derive(Default)]
pub(super) struct Check {
    pub(super) problems: Vec<String>,
}

impl Check {
    pub(super) fn problem(&mut self, text: impl Into<String>) {
        self.problems.push(text.into());
    }

    pub(super) fn listen(&mut self, flag: &str, text: &str) -> SocketAddr {
        text.parse().unwrap_or_else(|_| {
            self.problem(format!("{flag}: `{text}` is not an address like 127.0.0.1:8000"));
            SocketAddr::from(([127, 0, 0, 1], 0))
        })
    }

    /// A positive number.
    pub(super) fn positive(&mut self, flag: &str, text: &str) -> u64 {
        let number = decimal(text).unwrap_or_else(|_| {
            self.problem(format!("{flag}: `{text}` is not a whole number"));
            1
        });
        self.not_zero(flag, number)
    }

    /// A positive number of things that take up memory.
    pub(super) fn count(&mut self, flag: &str, text: &str) -> usize {
        let number = self.positive(flag, text);
        if number > MOST {
            self.problem(format!("{flag}: more than {MOST} makes no sense"));
        }
        usize::try_from(number.min(MOST)).expect("a million fits")
    }

    /// A size, which may be 0.
    pub(super) fn bytes(&mut self, flag: &str, text: &str) -> u64 {
        units::bytes(text).unwrap_or_else(|error| {
            self.problem(format!("{flag}: `{text}` {error}"));
            1
        })
    }

    /// A size that may not be 0.
    pub(super) fn positive_bytes(&mut self, flag: &str, text: &str) -> u64 {
        let bytes = self.bytes(flag, text);
        self.not_zero(flag, bytes)
    }

    /// A time of something that is repeated or waited for.
    pub(super) fn period(&mut self, flag: &str, text: &str) -> Duration {
        let period = self.time(flag, text);
        if period > DAY {
            self.problem(format!("{flag}: more than a day makes no sense"));
        }
        if period.is_zero() {
            self.problem(format!("{flag} has to be more than 0"));
        }
        period.clamp(Duration::from_millis(1), DAY)
    }

    /// A time in whole seconds, which may be 0.
    pub(super) fn secs(&mut self, flag: &str, text: &str) -> u64 {
        let time = self.time(flag, text);
        if time.subsec_nanos() != 0 {
            self.problem(format!("{flag}: `{text}` is not a number of whole seconds"));
        }
        time.as_secs()
    }

    /// A time in whole seconds, which may not be 0.
    pub(super) fn positive_secs(&mut self, flag: &str, text: &str) -> u64 {
        let before = self.problems.len();
        let secs = self.secs(flag, text);
        if self.problems.len() == before { self.not_zero(flag, secs) } else { secs.max(1) }
    }

    /// The value of one of these words.
    pub(super) fn word<T: Copy, const N: usize>(
        &mut self,
        flag: &str,
        text: &str,
        words: [(&str, T); N],
    ) -> T {
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
            return *value;
        }
        let known: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        self.problem(format!("{flag}: `{text}` is none of: {}", known.join(", ")));
        words[0].1
    }

    /// Names, separated by commas.
    pub(super) fn names(&mut self, flag: &str, text: &str) -> Vec<String> {
        let names: Vec<_> = text.split(',').map(|name| name.trim().to_owned()).collect();
        if names.iter().any(String::is_empty) {
            self.problem(format!("{flag}: `{text}` has an empty name in it"));
        }
        names
    }

    fn time(&mut self, flag: &str, text: &str) -> Duration {
        units::time(text).unwrap_or_else(|error| {
            self.problem(format!("{flag}: `{text}` {error}"));
            Duration::from_secs(1)
        })
    }

    fn not_zero(&mut self, flag: &str, number: u64) -> u64 {
        if number == 0 {
            self.problem(format!("{flag} has to be more than 0"));
        }
        number.max(1)
    }
}
