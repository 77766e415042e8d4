//! Refusals in the log, at a target of their own, so that a filter can choose or drop them. Clients can cause
//! any number of them, so their rate in the log is bounded; at `debug` all of them are logged.

use std::borrow::Cow;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use tracing::Level;

/// The log target of refusals.
pub const TARGET: &str = "longhaul::refused";
/// How many refusals are logged at once. Further ones are logged at the rate below.
const BURST: f64 = 100.0;
const A_SECOND: f64 = 10.0;
/// The most characters of a reason that are shown.
const MOST_CHARS: usize = 200;

/// Logs that a request was answered with this status, for this reason.
pub fn request(status: u16, detail: &str) {
    if let Some(left_out) = admitted() {
        let detail = shown(detail);
        tracing::info!(target: TARGET, status, %detail, left_out, "request refused");
    }
}

/// Logs that an event of a socket was refused for this reason.
pub fn event(event: &'static str, detail: &str) {
    if let Some(left_out) = admitted() {
        let detail = shown(detail);
        tracing::info!(target: TARGET, event, %detail, left_out, "event refused");
    }
}

/// Logs that a client sent no valid HTTP.
pub fn not_http(detail: &str) {
    if let Some(left_out) = admitted() {
        let detail = shown(detail);
        tracing::info!(target: TARGET, %detail, left_out, "not HTTP, refused");
    }
}

/// Logs that a connection was ended for this reason.
pub fn connection(reason: &'static str) {
    if let Some(left_out) = admitted() {
        tracing::info!(target: TARGET, reason, left_out, "connection ended");
    }
}

/// How many refusals before this one were not logged; `None` if this one may not be logged either.
fn admitted() -> Option<u64> {
    static PACE: Mutex<Option<Pace>> = Mutex::new(None);
    if !tracing::enabled!(target: TARGET, Level::INFO) {
        return None;
    }
    if tracing::enabled!(target: TARGET, Level::DEBUG) {
        return Some(0);
    }
    let now = Instant::now();
    let mut pace = PACE.lock().unwrap_or_else(PoisonError::into_inner);
    pace.get_or_insert_with(|| Pace { left: BURST, at: now, left_out: 0 }).admit(now)
}

/// The rate at which refusals are logged.
struct Pace {
    left: f64,
    at: Instant,
    left_out: u64,
}

impl Pace {
    fn admit(&mut self, now: Instant) -> Option<u64> {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        (self.left, self.at) = ((self.left + passed * A_SECOND).min(BURST), now);
        if self.left < 1.0 {
            self.left_out += 1;
            return None;
        }
        self.left -= 1.0;
        Some(std::mem::take(&mut self.left_out))
    }
}

/// A reason without the texts that it quotes, which are the client's.
fn shown(detail: &str) -> Cow<'_, str> {
    if !detail.contains(['`', '"']) && detail.len() <= MOST_CHARS && !detail.contains(char::is_control) {
        return Cow::Borrowed(detail);
    }
    let (mut shown, mut quote) = (String::new(), None);
    for c in detail.chars().filter(|c| !c.is_control()).take(MOST_CHARS) {
        match quote {
            Some(open) if c == open => {
                quote = None;
                shown.push(c);
            }
            Some(_) => {}
            None if matches!(c, '`' | '"') => {
                quote = Some(c);
                shown.extend([c, '…']);
            }
            None => shown.push(c),
        }
    }
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_flood_is_counted_and_not_logged() {
        let start = Instant::now();
        let mut pace = Pace { left: BURST, at: start, left_out: 0 };
        let logged = (0..1000).filter(|_| pace.admit(start).is_some()).count();
        assert_eq!(logged, 100);
        assert_eq!(pace.admit(start + Duration::from_millis(150)), Some(900));
        assert_eq!(pace.admit(start + Duration::from_millis(160)), None);
        let later = start + Duration::from_secs(3600);
        assert_eq!(pace.admit(later), Some(1));
        assert_eq!((0..1000).filter(|_| pace.admit(later).is_some()).count(), 99);
    }

    #[test]
    fn what_a_reason_quotes_is_not_shown() {
        let long = "x".repeat(300);
        for (detail, told) in [
            ("Missing file", "Missing file"),
            ("The field `diary.txt` has a file", "The field `…` has a file"),
            ("expected `a` or \"b`c\"", "expected `…` or \"…\""),
            ("unclosed `secret", "unclosed `…"),
            ("two\nlines\u{1b}[31m", "twolines[31m"),
            (&long, &long[..200]),
        ] {
            assert_eq!(shown(detail), told, "{detail}");
        }
    }
}
