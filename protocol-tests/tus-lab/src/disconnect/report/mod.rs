//! The report of a run, as plain data, and its formats.

use std::time::Duration;

use super::outcome::{Outcome, Verdict};
use super::settings::Settings;
use super::sight::Sight;

mod junit;
mod measure;
mod record;
mod side_by_side;
mod summary;
mod table;
#[cfg(test)]
mod tests;

pub use record::{CourseRecord, Record, RowRecord};
pub use side_by_side::side_by_side;

/// The report of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The URL of creation.
    pub endpoint: String,
    /// How many bytes every upload had.
    pub size: u64,
    /// Where the bytes were read.
    pub seen_by: String,
    /// The rows, in the order of the matrix.
    pub outcomes: Vec<Outcome>,
    /// How long the run took.
    pub took: Duration,
}

/// The counts of the verdicts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Finished, with identical bytes.
    pub good: usize,
    /// Not finished.
    pub unfinished: usize,
    /// With other bytes than were sent.
    pub corrupted: usize,
    /// Finished, but the bytes could not be compared.
    pub unchecked: usize,
    /// Not run.
    pub skipped: usize,
}

impl Report {
    pub(super) fn new(settings: &Settings, sight: &Sight, outcomes: Vec<Outcome>, took: Duration) -> Self {
        let seen_by = match sight {
            Sight::Get => "GET of the upload",
            Sight::Folder(_) => "the file in --verify-dir",
            Sight::None => "nobody",
        };
        Self {
            endpoint: settings.endpoint.clone(),
            size: settings.shape.size,
            seen_by: seen_by.to_owned(),
            outcomes,
            took,
        }
    }

    /// Whether every row of the stock client finished with identical bytes, and no row of any client was
    /// corrupted.
    #[must_use]
    pub fn is_good(&self) -> bool {
        !self.outcomes.iter().any(Outcome::is_bad)
    }

    /// The counts of the verdicts on rows of the stock client, or of the rogue one.
    #[must_use]
    pub fn counts(&self, stock: bool) -> Counts {
        let mut counts = Counts::default();
        for outcome in self.outcomes.iter().filter(|outcome| outcome.row.is_stock() == stock) {
            *match outcome.verdict() {
                Verdict::Good => &mut counts.good,
                Verdict::Unfinished => &mut counts.unfinished,
                Verdict::Corrupted => &mut counts.corrupted,
                Verdict::Unchecked => &mut counts.unchecked,
                Verdict::Skipped => &mut counts.skipped,
            } += 1;
        }
        counts
    }
}
