use std::fmt::Write;

use super::super::outcome::{Outcome, Verdict};
use super::Report;

impl Report {
    /// A test report in the format that build servers read: a test for each row.
    #[must_use]
    pub fn junit(&self) -> String {
        let bad = self.outcomes.iter().filter(|outcome| outcome.is_bad()).count();
        let skipped = self.outcomes.iter().filter(|outcome| outcome.verdict() == Verdict::Skipped).count();
        let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        _ = writeln!(
            xml,
            "<testsuite name=\"tus-lab disconnect\" tests=\"{}\" failures=\"{bad}\" skipped=\"{skipped}\" \
             time=\"{:.3}\">",
            self.outcomes.len(),
            self.took.as_secs_f64()
        );
        for outcome in &self.outcomes {
            xml += &case(outcome);
        }
        xml + "</testsuite>\n"
    }
}

/// A client that does not behave has no right to finish: that it did not is said and no failure.
fn case(outcome: &Outcome) -> String {
    let name = outcome.row.to_string();
    let (class, name) = name.rsplit_once('/').unwrap_or(("", &name));
    let secs = outcome.result.as_ref().map_or(0.0, |course| course.took.as_secs_f64());
    let remark = escaped(outcome.remark().unwrap_or_default());
    let verdict = outcome.verdict().to_string().to_lowercase();
    let content = match outcome.verdict() {
        Verdict::Skipped => format!("<skipped message=\"{remark}\"/>"),
        _ if outcome.is_bad() => format!("<failure message=\"{verdict}: {remark}\"/>"),
        Verdict::Good => String::new(),
        _ => format!("<system-out>{verdict}: {remark}</system-out>"),
    };
    format!(
        "  <testcase classname=\"{}\" name=\"{}\" time=\"{secs:.3}\">{content}</testcase>\n",
        escaped(class),
        escaped(name)
    )
}

/// Nothing but what XML allows.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for sign in text.chars() {
        match sign {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            _ if sign.is_control() => escaped.push(' '),
            _ => escaped.push(sign),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn what_a_server_says_cannot_break_the_report() {
        assert_eq!(escaped("a<b> & \"c\"\u{1b}"), "a&lt;b&gt; &amp; &quot;c&quot; ");
    }
}
