//! Reports of a run, as data and as text for people and machines.

mod junit;
mod outcome;
mod record;
mod side_by_side;
mod summary;
mod table;
#[cfg(test)]
mod tests;

use std::time::Duration;

use super::case::Level;
use super::options::Options;
use super::subject::{Offer, Subject};

pub use outcome::{Counts, Outcome};
pub use record::{CaseRecord, Record};
pub use side_by_side::side_by_side;

/// The report of a run.
#[derive(Debug)]
pub struct Report {
    /// The URL of creation.
    pub endpoint: String,
    /// The server's offer.
    pub offer: Offer,
    /// Whether bytes could be compared, because GET gives them back.
    pub bytes_compared: bool,
    /// The outcome of each case, in the order in which they ran.
    pub outcomes: Vec<Outcome>,
    /// How long the run took.
    pub took: Duration,
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

    /// The counts of the outcomes.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.outcomes.iter().fold(Counts::default(), Counts::with)
    }
}
