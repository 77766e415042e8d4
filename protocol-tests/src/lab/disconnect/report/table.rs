use std::fmt::Write;

use super::super::fault::Scene;
use super::super::outcome::{Course, Outcome, Verdict};
use super::measure::{size, time, times};
use super::{Counts, Report};

/// The columns, and how wide the first ones are; the last takes what there is.
const HEADINGS: [&str; 8] =
    ["moment", "trouble", "result", "went on", "sent again", "from 0", "uploads", "remark"];
const WIDTHS: [usize; 7] = [12, 20, 11, 9, 11, 7, 8];

impl Report {
    /// A table for a person.
    #[must_use]
    pub fn table(&self) -> String {
        let mut text = format!(
            "{}, uploads of {}, seed {}; bytes seen by {}\n",
            self.endpoint,
            size(self.size),
            self.seed,
            self.seen_by
        );
        let mut group = String::new();
        for outcome in &self.outcomes {
            let next = group_of(outcome);
            if next != group {
                _ = write!(text, "\n{next}\n{}", line(HEADINGS.map(str::to_owned)));
                group = next;
            }
            text += &line(cells(outcome));
        }
        _ = write!(text, "\n{}", self.summary());
        text
    }

    /// The last lines of the table.
    #[must_use]
    pub fn summary(&self) -> String {
        let mut text = String::new();
        for (stock, client) in [(true, "the client that behaves"), (false, "the client that does not")] {
            let Counts { good, unfinished, corrupted, unchecked, skipped } = self.counts(stock);
            _ = writeln!(
                text,
                "{client}: {good} good, {unfinished} unfinished, {corrupted} corrupted, {unchecked} unchecked, \
                 {skipped} skipped"
            );
        }
        let courses = || self.outcomes.iter().filter_map(|outcome| outcome.result.as_ref().ok());
        let again: u64 = courses().map(|course| course.sent_again).sum();
        let starts: u32 = courses().map(|course| course.starts_again).sum();
        let longest = courses().filter_map(|course| course.went_on).max().unwrap_or_default();
        _ = writeln!(
            text,
            "sent again in all: {}; started at zero again {starts} times; longest until an upload went on: {}; \
             {} in all",
            size(again),
            time(longest),
            time(self.took)
        );
        text
    }
}

fn group_of(outcome: &Outcome) -> String {
    let client = match outcome.row.scene {
        Scene::Stock(_) => "stock",
        Scene::Rogue(_) => "rogue",
    };
    format!("{client}/{}", outcome.row.way)
}

fn cells(outcome: &Outcome) -> [String; 8] {
    let trouble = match outcome.row.scene {
        Scene::Stock(fault) => fault.to_string(),
        Scene::Rogue(misdeed) => misdeed.to_string(),
    };
    let remark = outcome.remark().unwrap_or_default().to_owned();
    let [went_on, again, starts, uploads] = outcome.result.as_ref().map(numbers).unwrap_or_default();
    let moment = outcome.row.moment.to_string();
    [moment, trouble, outcome.verdict().to_string(), went_on, again, starts, uploads, remark]
}

fn numbers(course: &Course) -> [String; 4] {
    let went_on = course.went_on.map_or("-".to_owned(), time);
    let again = if course.sent_again == 0 { "-".to_owned() } else { size(course.sent_again) };
    let more = if course.may_be_more { "+" } else { "" };
    [went_on, again, times(course.starts_again), format!("{}{more}", course.uploads)]
}

fn line(cells: [String; 8]) -> String {
    let mut line = String::from(" ");
    for (cell, width) in cells.iter().zip(WIDTHS) {
        _ = write!(line, " {cell:width$}");
    }
    _ = write!(line, " {}", cells[7]);
    line.truncate(line.trim_end().len());
    line + "\n"
}

/// One word.
impl std::fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.pad(match self {
            Self::Good => "good",
            Self::Unfinished => "unfinished",
            Self::Corrupted => "CORRUPTED",
            Self::Unchecked => "unchecked",
            Self::Skipped => "skipped",
        })
    }
}
