use super::{Outcome, Report};
use crate::conformance::verdict::Verdict;

/// Room for the longest id.
pub(super) const ID_WIDTH: usize = 33;

/// Where reasons begin.
const INDENT: &str = "             ";

pub(super) fn table(report: &Report) -> String {
    let mut table = String::new();
    let mut section = "";
    for outcome in &report.outcomes {
        if outcome.section.name != section {
            section = outcome.section.name;
            table += &heading(outcome);
        }
        table += &line(outcome);
    }
    table
}

pub(super) fn heading(outcome: &Outcome) -> String {
    let section = outcome.section;
    format!("\n{} <{}>\n", section.name, section.text)
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
