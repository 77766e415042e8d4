use super::{Outcome, Report};
use crate::lab::conformance::verdict::Verdict;

/// Room for the longest id.
pub(super) const ID_WIDTH: usize = 36;

/// Where reasons begin.
const INDENT: &str = "             ";

pub(super) fn table(report: &Report) -> String {
    let mut table = String::new();
    let mut section = "";
    for outcome in &report.outcomes {
        if outcome.section != section {
            section = outcome.section;
            table += &format!("\n{section}\n");
        }
        table += &line(outcome);
    }
    table
}

pub(super) fn line(outcome: &Outcome) -> String {
    let (word, level) = (outcome.verdict.word(), outcome.case.level.word());
    let case = outcome.case;
    let line = format!("  {word}  {level:6} {:ID_WIDTH$} {}", case.id, case.title);
    match &outcome.verdict {
        Verdict::Pass => format!("{line}\n"),
        Verdict::Skip(reason) => format!("{line} ({reason})\n"),
        Verdict::Note(reason) | Verdict::Fail(reason) => format!("{line}\n{INDENT}-> {reason}\n"),
    }
}
