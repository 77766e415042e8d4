use super::{Outcome, Report};
use crate::conformance::case::Level;
use crate::conformance::verdict::Verdict;

impl Report {
    /// The verdicts as JUnit's XML, a suite per section; failures below `level` are skipped.
    #[must_use]
    pub fn junit(&self, level: Level) -> String {
        let mut xml =
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"tus-lab conformance\">\n"
                .to_owned();
        for suite in self.outcomes.chunk_by(|left, right| left.section.name == right.section.name) {
            xml += &suite_of(suite, level);
        }
        xml + "</testsuites>\n"
    }
}

fn suite_of(outcomes: &[Outcome], level: Level) -> String {
    let elements: Vec<_> = outcomes.iter().map(|outcome| (outcome, element(outcome, level))).collect();
    let count = |name: &str| elements.iter().filter(|(_, element)| element.starts_with(name)).count();
    let section = outcomes.first().map_or("", |outcome| outcome.section.name);
    let mut xml = format!(
        "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"{}\">\n",
        escaped(section),
        outcomes.len(),
        count("<failure"),
        count("<skipped")
    );
    for (outcome, element) in &elements {
        xml += &format!(
            "    <testcase classname=\"{}\" name=\"{}: {}\" time=\"{:.3}\">{element}</testcase>\n",
            escaped(section),
            escaped(outcome.case.id),
            escaped(outcome.case.title),
            outcome.took.as_secs_f64()
        );
    }
    xml + "  </testsuite>\n"
}

fn element(outcome: &Outcome, level: Level) -> String {
    let weight = outcome.case.level.word();
    match &outcome.verdict {
        Verdict::Pass => String::new(),
        Verdict::Note(text) => format!("<system-out>{}</system-out>", escaped(text)),
        Verdict::Skip(text) => format!("<skipped message=\"{}\"/>", escaped(text)),
        Verdict::Fail(text) if outcome.case.level > level => {
            format!("<skipped message=\"{weight}, below the chosen level: {}\"/>", escaped(text))
        }
        Verdict::Fail(text) => format!("<failure type=\"{weight}\" message=\"{}\"/>", escaped(text)),
    }
}

/// Control characters cannot be written in XML at all, not even escaped.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            control if control.is_control() => escaped.push(' '),
            plain => escaped.push(plain),
        }
    }
    escaped
}
