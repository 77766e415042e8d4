//! What was found, as data and as text for people and machines.

mod junit;
mod record;
mod side_by_side;
mod summary;
mod table;

use std::time::Duration;

use super::case::{Case, Level, Section};
use super::runner::Options;
use super::subject::{Offer, Subject};
use super::verdict::Verdict;

pub use record::{CaseRecord, Record};
pub use side_by_side::side_by_side;

/// What became of one case.
#[derive(Debug)]
pub struct Outcome {
    /// The section that it belongs to.
    pub section: &'static Section,
    /// The case.
    pub case: &'static Case,
    /// What became of it.
    pub verdict: Verdict,
    /// How long it took.
    pub took: Duration,
}

/// Everything that a run found.
#[derive(Debug)]
pub struct Report {
    /// The URL of creation.
    pub endpoint: String,
    /// What the server says about itself.
    pub offer: Offer,
    /// Whether bytes could be compared, because GET gives them back.
    pub bytes_compared: bool,
    /// What became of each case, in the order in which they ran.
    pub outcomes: Vec<Outcome>,
    /// How long it all took.
    pub took: Duration,
}

/// How many cases ended how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Passed, with or without a note.
    pub passed: usize,
    /// Those of them with a note.
    pub noted: usize,
    /// Failed on a MUST.
    pub failed_must: usize,
    /// Failed on a SHOULD.
    pub failed_should: usize,
    /// Failed on robustness.
    pub failed_robust: usize,
    /// Not judged.
    pub skipped: usize,
}

impl Report {
    pub(super) fn new(options: &Options, subject: &Subject, outcomes: Vec<Outcome>, took: Duration) -> Self {
        Self {
            endpoint: options.endpoint.clone(),
            offer: subject.offer.clone(),
            bytes_compared: subject.gives_bytes_back,
            outcomes,
            took,
        }
    }

    /// The cases that failed on this level or on a weightier one.
    pub fn failures(&self, level: Level) -> impl Iterator<Item = &Outcome> {
        self.outcomes.iter().filter(move |outcome| outcome.failed() && outcome.case.level <= level)
    }

    /// How many cases ended how.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.outcomes.iter().fold(Counts::default(), Counts::with)
    }

    /// The verdicts as a table, with the reasons below each that is no plain pass.
    #[must_use]
    pub fn table(&self) -> String {
        table::table(self)
    }

    /// The counts by section, as a Markdown table.
    #[must_use]
    pub fn summary(&self) -> String {
        summary::summary(self)
    }

    /// Everything, as JSON.
    #[must_use]
    pub fn json(&self) -> String {
        Record::from(self).json()
    }

    /// The verdicts as JUnit's XML, in which failures below `level` are skipped.
    #[must_use]
    pub fn junit(&self, level: Level) -> String {
        junit::junit(self, level)
    }
}

impl Outcome {
    /// Whether the server did not do what was asked.
    #[must_use]
    pub fn failed(&self) -> bool {
        matches!(self.verdict, Verdict::Fail(_))
    }

    /// What stands above the first outcome of a section.
    #[must_use]
    pub fn heading(&self) -> String {
        table::heading(self)
    }

    /// The outcome as a line of the table, with the reason below.
    #[must_use]
    pub fn line(&self) -> String {
        table::line(self)
    }
}

impl Counts {
    fn with(mut self, outcome: &Outcome) -> Self {
        match (&outcome.verdict, outcome.case.level) {
            (Verdict::Pass, _) => self.passed += 1,
            (Verdict::Note(_), _) => {
                self.passed += 1;
                self.noted += 1;
            }
            (Verdict::Skip(_), _) => self.skipped += 1,
            (Verdict::Fail(_), Level::Must) => self.failed_must += 1,
            (Verdict::Fail(_), Level::Should) => self.failed_should += 1,
            (Verdict::Fail(_), Level::Robust) => self.failed_robust += 1,
        }
        self
    }
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

impl Level {
    /// The level in a word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Must => "MUST",
            Self::Should => "SHOULD",
            Self::Robust => "ROBUST",
        }
    }
}

#[cfg(test)]
mod tests;
