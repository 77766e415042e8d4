//! Troubles of the network on the command line.

use std::str::FromStr;
use std::time::Duration;

use crate::amount::{Unreadable, bytes, time};
use crate::proxy::{Cut, Every, Step};

/// How long a trouble without a given time lasts.
const USUAL: Duration = Duration::from_secs(3);

/// A trouble at a certain byte: `reset@5MiB`, `stall:2s@1MiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    /// After how many bytes the trouble comes.
    pub at: u64,
    /// The trouble.
    pub step: Step,
}

impl FromStr for Order {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        let (what, at) = text
            .split_once('@')
            .ok_or_else(|| Unreadable(format!("{text:?} does not say where: write reset@5MiB")))?;
        Ok(Self { at: bytes(at)?, step: trouble(what)? })
    }
}

/// Reads a trouble by its name: `fin`, `reset`, `lose-answer`, `cut-answer:BYTES`, `stall:TIME`,
/// `half-close`, `vanish`, `bad-gateway:TIME`.
///
/// # Errors
/// When there is no trouble of this name, or the text after the colon does not fit.
pub fn trouble(text: &str) -> Result<Step, Unreadable> {
    let (name, detail) = match text.split_once(':') {
        Some((name, detail)) => (name, Some(detail)),
        None => (text, None),
    };
    let lasting = || detail.map_or(Ok(USUAL), time);
    match (name, detail) {
        ("fin", None) => Ok(Step::Cut(Cut::Fin)),
        ("reset", None) => Ok(Step::Cut(Cut::Reset)),
        ("lose-answer", None) => Ok(Step::LoseAnswer),
        ("cut-answer", Some(after)) => Ok(Step::CutAnswer(Cut::Fin, bytes(after)?)),
        ("half-close", None) => Ok(Step::HalfClose),
        ("vanish", None) => Ok(Step::Vanish),
        ("stall", _) => Ok(Step::Stall(lasting()?)),
        ("bad-gateway", _) => Ok(Step::BadGateway(lasting()?)),
        _ => Err(Unreadable(format!(
            "{text:?} is no trouble: there are fin, reset, lose-answer, cut-answer:BYTES, stall:TIME, \
             half-close, vanish and bad-gateway:TIME"
        ))),
    }
}

/// Reads a distance between troubles: a size or a time.
///
/// # Errors
/// When the text is neither.
pub fn every(text: &str) -> Result<Every, Unreadable> {
    match (bytes(text), time(text)) {
        (Ok(bytes), _) => Ok(Every::Bytes(bytes)),
        (_, Ok(time)) => Ok(Every::Time(time)),
        _ => Err(Unreadable(format!("{text:?} is no distance: write 4MiB or 30s"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_says_what_and_where() {
        let order = |text: &str| text.parse::<Order>();
        assert_eq!(order("reset@5MiB"), Ok(Order { at: 5 << 20, step: Step::Cut(Cut::Reset) }));
        let stall = Step::Stall(Duration::from_millis(200));
        assert_eq!(order("stall:200ms@10"), Ok(Order { at: 10, step: stall }));
        for text in ["reset", "reset@", "@5", "reset:3s@5", "cut-answer@5", "stall:3@5", "explode@5"] {
            assert!(order(text).is_err(), "{text}");
        }
    }

    #[test]
    fn every_trouble_has_a_name() {
        for (name, step) in [
            ("fin", Step::Cut(Cut::Fin)),
            ("reset", Step::Cut(Cut::Reset)),
            ("lose-answer", Step::LoseAnswer),
            ("cut-answer:20", Step::CutAnswer(Cut::Fin, 20)),
            ("half-close", Step::HalfClose),
            ("vanish", Step::Vanish),
            ("stall", Step::Stall(USUAL)),
            ("bad-gateway:1s", Step::BadGateway(Duration::from_secs(1))),
        ] {
            assert_eq!(trouble(name), Ok(step));
        }
    }

    #[test]
    fn a_distance_is_a_size_or_a_time() {
        assert_eq!(every("4MiB"), Ok(Every::Bytes(4 << 20)));
        assert_eq!(every("30s"), Ok(Every::Time(Duration::from_secs(30))));
        assert!(every("soon").is_err());
    }
}
