use std::fmt;
use std::time::Duration;

use super::fault::{Fault, Scene};
use super::matrix::Row;

/// How a client's upload ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// The client was told that it is complete.
    Finished,
    /// The client told its user that it failed, and why.
    GaveUp(String),
    /// It took longer than a row may take.
    TimedOut,
}

/// What the server holds in the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bytes {
    /// What was sent.
    Identical,
    /// Something else, and what.
    Different(String),
    /// Nobody knows, and why.
    NotChecked(String),
}

/// What is to be thought of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The upload finished, with identical bytes.
    Good,
    /// The upload did not finish. Only a client that behaves has a right to it.
    Unfinished,
    /// The server holds, or says that it holds, other bytes than it was sent.
    Corrupted,
    /// The upload finished, and its bytes could not be seen.
    Unchecked,
    /// The row does not apply to this server.
    Skipped,
}

/// What became of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The row.
    pub row: Row,
    /// How it went, or why it was skipped.
    pub result: Result<Course, String>,
}

/// How an upload went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Course {
    /// How it ended.
    pub end: End,
    /// What the server holds.
    pub bytes: Bytes,
    /// How many bytes of content went to the server more than once.
    pub sent_again: u64,
    /// How long it took from the trouble until the server took further bytes, or said that it had
    /// all of them.
    pub went_on: Option<Duration>,
    /// How often content went from its first byte on, after the first time.
    pub starts_again: u32,
    /// How many uploads exist for it on the server.
    pub uploads: u64,
    /// Whether there may be further ones, because a creation died of which nothing is known.
    pub may_be_more: bool,
    /// How many requests were sent.
    pub requests: u32,
    /// How long the whole took.
    pub took: Duration,
}

impl Outcome {
    /// What is to be thought of it.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match &self.result {
            Err(_) => Verdict::Skipped,
            Ok(Course { bytes: Bytes::Different(_), .. }) => Verdict::Corrupted,
            Ok(Course { end: End::Finished, bytes: Bytes::Identical, .. }) => Verdict::Good,
            Ok(Course { end: End::Finished, .. }) => Verdict::Unchecked,
            Ok(_) => Verdict::Unfinished,
        }
    }

    /// Whether it speaks against the server: a corrupted upload of whatever client, or one of
    /// the client that behaves which did not finish with bytes known to be identical.
    ///
    /// HTTP lets a server answer 400 to a request whose end it was told of too early. A stock
    /// client gives up at that; a row that ended so is told, and nobody's fault.
    #[must_use]
    pub fn is_bad(&self) -> bool {
        match self.verdict() {
            Verdict::Good | Verdict::Skipped => false,
            Verdict::Corrupted => true,
            Verdict::Unfinished if self.is_refused_half_close() => false,
            Verdict::Unfinished | Verdict::Unchecked => self.row.is_stock(),
        }
    }

    fn is_refused_half_close(&self) -> bool {
        let has_given_up = matches!(&self.result, Ok(Course { end: End::GaveUp(_), .. }));
        has_given_up && self.row.scene == Scene::Stock(Fault::HalfClose)
    }

    /// What there is to say beyond numbers.
    #[must_use]
    pub fn remark(&self) -> Option<&str> {
        match &self.result {
            Err(why) => Some(why),
            Ok(Course { bytes: Bytes::Different(what), .. }) => Some(what),
            Ok(Course { end: End::GaveUp(why), .. }) => Some(why),
            Ok(Course { end: End::TimedOut, .. }) => Some("took too long"),
            Ok(Course { bytes: Bytes::NotChecked(why), .. }) => Some(why),
            Ok(_) => None,
        }
    }
}

/// One word.
impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Good => "good",
            Self::Unfinished => "unfinished",
            Self::Corrupted => "CORRUPTED",
            Self::Unchecked => "unchecked",
            Self::Skipped => "skipped",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::fault::{Misdeed, Moment, Way};
    use super::*;

    fn outcome(scene: Scene, end: End, bytes: Bytes) -> Outcome {
        let course = Course {
            end,
            bytes,
            sent_again: 0,
            went_on: None,
            starts_again: 0,
            uploads: 1,
            may_be_more: false,
            requests: 2,
            took: Duration::ZERO,
        };
        Outcome { row: Row { way: Way::OnePatch, moment: Moment::Half, scene }, result: Ok(course) }
    }

    #[test]
    fn a_rogue_may_fail_and_nobody_may_be_corrupted() {
        let (stock, rogue) = (Scene::Stock(Fault::Fin), Scene::Rogue(Misdeed::Twins));
        let half_closed = Scene::Stock(Fault::HalfClose);
        let gave_up = || End::GaveUp("answered 400".to_owned());
        let unknown = || Bytes::NotChecked("it did not finish".to_owned());
        let different = || Bytes::Different("three bytes more".to_owned());
        for (scene, end, bytes, verdict, is_bad) in [
            (stock, End::Finished, Bytes::Identical, Verdict::Good, false),
            (rogue, End::Finished, Bytes::Identical, Verdict::Good, false),
            (stock, gave_up(), unknown(), Verdict::Unfinished, true),
            (half_closed, gave_up(), unknown(), Verdict::Unfinished, false),
            (half_closed, End::TimedOut, unknown(), Verdict::Unfinished, true),
            (half_closed, End::Finished, different(), Verdict::Corrupted, true),
            (stock, End::TimedOut, unknown(), Verdict::Unfinished, true),
            (rogue, gave_up(), unknown(), Verdict::Unfinished, false),
            (stock, End::Finished, unknown(), Verdict::Unchecked, true),
            (rogue, End::Finished, unknown(), Verdict::Unchecked, false),
            (stock, End::Finished, different(), Verdict::Corrupted, true),
            (rogue, End::Finished, different(), Verdict::Corrupted, true),
            (rogue, gave_up(), different(), Verdict::Corrupted, true),
        ] {
            let outcome = outcome(scene, end, bytes);
            assert_eq!((outcome.verdict(), outcome.is_bad()), (verdict, is_bad), "{outcome:?}");
        }
    }
}
