use super::{Outcome, Report};
use crate::conformance::verdict::Verdict;

/// The width of the longest id.
pub(super) const ID_WIDTH: usize = 33;

/// The indentation of reasons.
const INDENT: &str = "             ";

impl Report {
    /// The verdicts as a table, with the reasons below each that is no plain pass.
    #[must_use]
    pub fn table(&self) -> String {
        let mut table = String::new();
        let mut section = "";
        for outcome in &self.outcomes {
            if outcome.section.name != section {
                section = outcome.section.name;
                table += &outcome.heading();
            }
            table += &outcome.line();
        }
        table
    }
}

impl Outcome {
    /// The heading above the first outcome of a section.
    #[must_use]
    pub fn heading(&self) -> String {
        format!("\n{} <{}>\n", self.section.name, self.section.text)
    }

    /// The outcome as a line of the table, with the reason below.
    #[must_use]
    pub fn line(&self) -> String {
        let (word, level, case) = (self.verdict.word(), self.case.level.word(), self.case);
        let line = format!("  {word}  {level:6} {:ID_WIDTH$} {}", case.id, case.title);
        match &self.verdict {
            Verdict::Pass => format!("{line}\n"),
            Verdict::Skip(reason) => format!("{line} ({reason})\n"),
            Verdict::Note(reason) | Verdict::Fail(reason) => format!("{line}\n{INDENT}-> {reason}\n"),
        }
    }
}
