use std::time::Duration;

use crate::conformance::case::{Case, Level, Section};
use crate::conformance::verdict::Verdict;

/// The outcome of one case.
#[derive(Debug)]
pub struct Outcome {
    /// The section of the case.
    pub section: &'static Section,
    /// The case.
    pub case: &'static Case,
    /// The verdict on the case.
    pub verdict: Verdict,
    /// How long the case took.
    pub took: Duration,
}

impl Outcome {
    /// Whether the server failed the case.
    #[must_use]
    pub fn failed(&self) -> bool {
        matches!(self.verdict, Verdict::Fail(_))
    }
}

/// The counts of outcomes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Passed, with or without a note.
    pub passed: usize,
    /// Passed with a note.
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

impl Counts {
    /// The counts with one more outcome.
    pub(super) fn with(mut self, outcome: &Outcome) -> Self {
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
