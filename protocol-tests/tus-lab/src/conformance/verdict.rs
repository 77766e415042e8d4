use std::fmt::Display;
use std::io;

use serde::Serialize;

/// The result of a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", content = "reason", rename_all = "lowercase")]
pub enum Verdict {
    /// The server does what the case expects.
    Pass,
    /// The server does what the case expects, with a remark that is worth knowing.
    Note(String),
    /// The server does not do what the case expects.
    Fail(String),
    /// The case does not apply here, or could not be judged.
    Skip(String),
}

impl Verdict {
    /// The verdict in a word.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Note(_) => "note",
            Self::Fail(_) => "FAIL",
            Self::Skip(_) => "skip",
        }
    }

    /// The remark or the reason, if there is one.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Pass => None,
            Self::Note(text) | Self::Fail(text) | Self::Skip(text) => Some(text),
        }
    }
}

/// The result of a case that ran to its end.
#[derive(Debug)]
pub(super) enum Finding {
    Pass,
    Room(String),
}

/// Why a case ended early.
#[derive(Debug)]
pub(super) enum Fault {
    /// The server failed in the subject of the case.
    Wrong(String),
    /// A preparation failed, which other cases judge.
    Unprepared(String),
    /// The case does not apply to this server.
    Inapplicable(String),
}

/// What the function of a case returns.
pub(super) type Judged = Result<Finding, Fault>;

impl From<Judged> for Verdict {
    fn from(judged: Judged) -> Self {
        match judged {
            Ok(Finding::Pass) => Self::Pass,
            Ok(Finding::Room(remark)) => Self::Note(format!("{ROOM}: {remark}")),
            Err(Fault::Wrong(what)) => Self::Fail(what),
            Err(Fault::Unprepared(why)) => Self::Skip(format!("could not be prepared: {why}")),
            Err(Fault::Inapplicable(why)) => Self::Skip(why),
        }
    }
}

/// The beginning of a note about the subject of the case.
const ROOM: &str = "the text leaves room";

/// The beginning of a note about anything else.
const BESIDE: &str = "beside the case";

impl Verdict {
    /// The verdict with these remarks, which do not fail the case.
    pub(super) fn remarked(self, remarks: impl IntoIterator<Item = String>) -> Self {
        let remarks = remarks.into_iter().collect::<Vec<_>>().join(", ");
        match self {
            Self::Pass if !remarks.is_empty() => Self::Note(format!("{BESIDE}: {remarks}")),
            Self::Note(note) if !remarks.is_empty() => Self::Note(format!("{note}; {BESIDE}: {remarks}")),
            other => other,
        }
    }

    /// The verdict with a rewritten reason.
    pub(super) fn reworded(self, words: impl FnOnce(String) -> String) -> Self {
        match self {
            Self::Pass => Self::Pass,
            Self::Note(text) => Self::Note(words(text)),
            Self::Fail(text) => Self::Fail(words(text)),
            Self::Skip(text) => Self::Skip(words(text)),
        }
    }
}

/// The judgement that all is well.
pub(super) const FINE: Judged = Ok(Finding::Pass);

/// The judgement that all is well, with a remark.
pub(super) fn room(remark: impl Display) -> Judged {
    Ok(Finding::Room(remark.to_string()))
}

/// The fault that the server is wrong.
pub(super) fn wrong<T>(what: impl Display) -> Result<T, Fault> {
    Err(Fault::Wrong(what.to_string()))
}

/// A fault of the server unless `holds`.
pub(super) fn ensure(holds: bool, otherwise: impl Display) -> Result<(), Fault> {
    if holds { Ok(()) } else { wrong(otherwise) }
}

impl Fault {
    /// The fault, if it happened in the preparation of a case.
    pub(super) fn in_preparation(self) -> Self {
        match self {
            Self::Wrong(what) => Self::Unprepared(what),
            other => other,
        }
    }
}

/// A connection that dies before its answer is the server's fault, unless a case handles it.
impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Wrong(format!("the connection died: {error}"))
    }
}
