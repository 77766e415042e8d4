use std::fmt::Write;

use super::super::fault::Scene;
use super::super::outcome::{Course, Outcome};
use super::Report;
use super::measure::{size, time, times};

/// The columns, and how wide the first ones are; the last takes what there is.
const HEADINGS: [&str; 8] =
    ["moment", "trouble", "result", "went on", "sent again", "from 0", "uploads", "remark"];
const WIDTHS: [usize; 7] = [12, 20, 11, 9, 11, 7, 8];

impl Report {
    /// A line for each row, for a person who wants to know everything.
    #[must_use]
    pub fn list(&self) -> String {
        let mut text = self.title();
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
