use std::fmt::Write;

use super::super::fault::{Scene, Way};
use super::super::outcome::{Bytes, Course, Outcome, Verdict};
use super::Report;
use super::measure::{size, time};

const LEGEND: &str = "\
A cell is an upload that finished with identical bytes, unless it says otherwise. In it: how long
it took from the trouble until the server took further bytes or said that it had all; how many bytes
were sent more than once; how often content was sent from its first byte again (from 0); how many
uploads exist for it, if not one (\"+\": a creation died of whose fate nothing is known).
At a 400 the client gives up; HTTP allows it where a request was half-closed before its end.
";

/// Space between two columns.
const GAP: &str = "  ";

/// A part of the table: a heading, and lines of cells.
type Lines = Vec<Vec<String>>;

impl Report {
    /// The matrix for a person: a line for each trouble, a column for each way to upload.
    #[must_use]
    pub fn table(&self) -> String {
        let (mut text, mut remarks) = (self.title() + LEGEND, Vec::new());
        for (stock, client) in [(true, "the stock client"), (false, "the rogue client")] {
            let lines = self.lines(stock, client, &mut remarks);
            if lines.len() > 1 {
                _ = write!(text, "\n{}", aligned(&lines));
            }
        }
        if !remarks.is_empty() {
            text.push('\n');
        }
        for (number, remark) in remarks.iter().enumerate() {
            _ = writeln!(text, "({}) {remark}", number + 1);
        }
        _ = write!(text, "\n{}", self.summary());
        text
    }

    fn lines(&self, stock: bool, client: &str, remarks: &mut Vec<String>) -> Lines {
        let mut outcomes: Vec<_> =
            self.outcomes.iter().filter(|outcome| outcome.row.is_stock() == stock).collect();
        let ways: Vec<_> = Way::ALL
            .into_iter()
            .filter(|way| outcomes.iter().any(|outcome| outcome.row.way == *way))
            .collect();
        let mut lines = vec![vec![client.to_owned()]];
        lines[0].extend(ways.iter().map(Way::to_string));
        // A trouble that only some ways have stands with the others of its moment.
        outcomes.sort_by_key(|outcome| outcome.row.moment);
        for outcome in outcomes {
            let name = name(outcome);
            let place = lines.iter().position(|line| line[0] == name).unwrap_or_else(|| {
                lines.push(vec![String::new(); ways.len() + 1]);
                lines.len() - 1
            });
            let column = ways.iter().position(|way| *way == outcome.row.way).unwrap_or_default() + 1;
            lines[place][0] = name;
            lines[place][column] = cell(outcome, remarks);
        }
        lines
    }
}

fn name(outcome: &Outcome) -> String {
    let moment = outcome.row.moment.to_string();
    match outcome.row.scene {
        Scene::Stock(fault) => format!("{moment:11} {fault}"),
        Scene::Rogue(misdeed) => format!("{moment:11} {misdeed}"),
    }
}

fn cell(outcome: &Outcome, remarks: &mut Vec<String>) -> String {
    let mut parts = outcome.result.as_ref().map(numbers).unwrap_or_default();
    if outcome.verdict() != Verdict::Good {
        let remark = outcome.remark().unwrap_or_default();
        parts.insert(0, format!("{} ({})", outcome.verdict(), noted(remark, remarks)));
    }
    if parts.is_empty() { "good".to_owned() } else { parts.join(", ") }
}

fn numbers(course: &Course) -> Vec<String> {
    let mut numbers: Vec<_> = course.went_on.map(time).into_iter().collect();
    if course.sent_again > 0 {
        numbers.push(size(course.sent_again));
    }
    if course.starts_again > 0 {
        numbers.push(format!("{}x from 0", course.starts_again));
    }
    let is_one = course.uploads == 1 && !course.may_be_more;
    if !is_one && !matches!(course.bytes, Bytes::NotChecked(_)) {
        let more = if course.may_be_more { "+" } else { "" };
        numbers.push(format!("{}{more} uploads", course.uploads));
    }
    numbers
}

/// The number of this remark; equal remarks have one number.
fn noted(remark: &str, remarks: &mut Vec<String>) -> usize {
    let known = remarks.iter().position(|known| known == remark);
    known.unwrap_or_else(|| {
        remarks.push(remark.to_owned());
        remarks.len() - 1
    }) + 1
}

fn aligned(lines: &Lines) -> String {
    let widths: Vec<_> = (0..lines[0].len())
        .map(|column| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or_default())
        .collect();
    let mut text = String::new();
    for line in lines {
        let cells: Vec<_> = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        text += cells.join(GAP).trim_end();
        text.push('\n');
    }
    text
}
