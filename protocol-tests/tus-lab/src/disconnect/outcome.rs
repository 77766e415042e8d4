use std::fmt;
use std::time::Duration;

use super::fault::{Fault, Scene};
use super::matrix::Row;

/// How a client's upload ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// The client was told that the upload is complete.
    Finished,
    /// The client told its user that the upload failed, and why.
    GaveUp(String),
    /// The upload took longer than a row may take.
    TimedOut,
}

/// The server's bytes at the end, compared with those that were sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bytes {
    /// The server holds the bytes that were sent.
    Identical,
    /// The server holds other bytes; the text tells the difference.
    Different(String),
    /// The bytes could not be compared; the text tells why.
    NotChecked(String),
}

/// The verdict on a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The upload finished, with identical bytes.
    Good,
    /// The upload did not finish, to which only a stock client has a right.
    Unfinished,
    /// The server holds, or says that it holds, other bytes than were sent.
    Corrupted,
    /// The upload finished, but its bytes could not be compared.
    Unchecked,
    /// The row does not apply to this server.
    Skipped,
}

/// The outcome of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The row.
    pub row: Row,
    /// The course of the upload, or why the row was skipped.
    pub result: Result<Course, String>,
}

/// The course of an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Course {
    /// How the upload ended.
    pub end: End,
    /// The comparison with the server's bytes.
    pub bytes: Bytes,
    /// How many bytes of content were sent more than once.
    pub sent_again: u64,
    /// The time from the trouble until the server accepted further bytes, or said that it had all of them.
    pub went_on: Option<Duration>,
    /// How often content was sent from its first byte on again.
    pub starts_again: u32,
    /// How many uploads the server has for this row.
    pub uploads: u64,
    /// Whether the server may have more uploads for it: a creation died, and its outcome is not known.
    pub may_be_more: bool,
    /// How many requests were sent.
    pub requests: u32,
    /// How long the row took.
    pub took: Duration,
}

impl Outcome {
    /// The verdict on the row.
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

    /// Whether the row speaks against the server: an upload of any client is corrupted, or one of a stock
    /// client did not finish with bytes known to be identical.
    ///
    /// HTTP lets a server answer 400 to a request that was half-closed before its end, and a stock client
    /// gives up at that. Such a row is reported, but does not speak against the server.
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

    /// The remark in words, if there is one.
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

/// The verdict in one word.
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
    fn a_rogue_may_fail_and_no_row_may_be_corrupted() {
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
