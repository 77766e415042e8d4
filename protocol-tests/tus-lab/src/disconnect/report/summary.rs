use std::fmt::Write;

use super::measure::{size, time};
use super::{Counts, Report};

impl Report {
    /// The first line of the report.
    pub(super) fn title(&self) -> String {
        format!("{}, uploads of {}; bytes seen by {}\n", self.endpoint, size(self.size), self.seen_by)
    }

    /// The last lines of the report.
    #[must_use]
    pub fn summary(&self) -> String {
        let mut text = String::new();
        for (stock, client) in [(true, "the stock client"), (false, "the rogue client")] {
            let Counts { good, unfinished, corrupted, unchecked, skipped } = self.counts(stock);
            _ = writeln!(
                text,
                "{client}: {good} good, {unfinished} unfinished, {corrupted} corrupted, \
                 {unchecked} unchecked, {skipped} skipped"
            );
        }
        let courses = || self.outcomes.iter().filter_map(|outcome| outcome.result.as_ref().ok());
        let again: u64 = courses().map(|course| course.sent_again).sum();
        let starts: u32 = courses().map(|course| course.starts_again).sum();
        let longest = courses().filter_map(|course| course.went_on).max().unwrap_or_default();
        let (again, longest, took) = (size(again), time(longest), time(self.took));
        _ = writeln!(
            text,
            "sent again in all: {again}; started at zero again: {starts} times; \
             longest until an upload went on: {longest}; the run: {took}"
        );
        text
    }
}
