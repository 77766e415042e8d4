use super::{Outcome, Report};

/// Room for the longest id.
const ID_WIDTH: usize = 34;

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
    let line = format!("  {word}  {level:6} {:ID_WIDTH$} {}\n", case.id, case.title);
    match outcome.verdict.reason() {
        None => line,
        Some(reason) => format!("{line}{INDENT}-> {reason}\n"),
    }
}
