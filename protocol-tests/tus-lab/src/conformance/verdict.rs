use std::fmt::Display;
use std::io;

use serde::Serialize;

/// What became of a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", content = "reason", rename_all = "lowercase")]
pub enum Verdict {
    /// The server does what is asked.
    Pass,
    /// The server does something that the text allows and that is worth knowing.
    Note(String),
    /// The server does not do what is asked.
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

    /// What there is to say about it.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Pass => None,
            Self::Note(text) | Self::Fail(text) | Self::Skip(text) => Some(text),
        }
    }
}

/// How a case ends that went as it should.
#[derive(Debug)]
pub(super) enum Finding {
    Pass,
    Room(String),
}

/// Why a case ended early.
#[derive(Debug)]
pub(super) enum Fault {
    /// The server did what the case is about, and did it wrong.
    Wrong(String),
    /// Something that the case needs first, and that other cases judge, did not work.
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

/// What a note begins with that is about the case.
const ROOM: &str = "the text leaves room";

/// What a note begins with that is not.
const BESIDE: &str = "beside the case";

impl Verdict {
    /// The same, where other things were noticed that are no failure of this case.
    pub(super) fn remarked(self, remarks: impl IntoIterator<Item = String>) -> Self {
        let remarks = remarks.into_iter().collect::<Vec<_>>().join(", ");
        match self {
            Self::Pass if !remarks.is_empty() => Self::Note(format!("{BESIDE}: {remarks}")),
            Self::Note(note) if !remarks.is_empty() => Self::Note(format!("{note}; {BESIDE}: {remarks}")),
            other => other,
        }
    }

    /// The same, its reason in other words.
    pub(super) fn reworded(self, words: impl FnOnce(String) -> String) -> Self {
        match self {
            Self::Pass => Self::Pass,
            Self::Note(text) => Self::Note(words(text)),
            Self::Fail(text) => Self::Fail(words(text)),
            Self::Skip(text) => Self::Skip(words(text)),
        }
    }
}

/// All is well.
pub(super) const FINE: Judged = Ok(Finding::Pass);

/// All is well, and there is something to tell.
pub(super) fn room(remark: impl Display) -> Judged {
    Ok(Finding::Room(remark.to_string()))
}

/// The server is wrong.
pub(super) fn wrong<T>(what: impl Display) -> Result<T, Fault> {
    Err(Fault::Wrong(what.to_string()))
}

/// The server is wrong unless this holds.
pub(super) fn ensure(holds: bool, otherwise: impl Display) -> Result<(), Fault> {
    if holds { Ok(()) } else { wrong(otherwise) }
}

impl Fault {
    /// The same, where it only happened on the way to what the case is about.
    pub(super) fn in_preparation(self) -> Self {
        match self {
            Self::Wrong(what) => Self::Unprepared(what),
            other => other,
        }
    }
}

/// A connection that dies where an answer is due is the server's fault, wherever a case does not
/// say otherwise.
impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Wrong(format!("the connection died: {error}"))
    }
}
