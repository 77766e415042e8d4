use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};

use super::{Outcome, Report};
use crate::conformance::case::Level;
use crate::conformance::verdict::Verdict;

impl Report {
    /// The verdicts as JUnit's XML, a suite per section; failures below `level` are skipped.
    ///
    /// # Panics
    /// Never: text accepts everything.
    #[must_use]
    pub fn junit(&self, level: Level) -> String {
        let mut report = quick_junit::Report::new("tus-lab conformance");
        for outcomes in self.outcomes.chunk_by(|left, right| left.section.name == right.section.name) {
            let mut suite = TestSuite::new(outcomes[0].section.name);
            suite.add_test_cases(outcomes.iter().map(|outcome| case(outcome, level)));
            report.add_test_suite(suite);
        }
        report.to_string().expect("text takes everything")
    }
}

fn case(outcome: &Outcome, level: Level) -> TestCase {
    let name = format!("{}: {}", outcome.case.id, outcome.case.title);
    let mut case = TestCase::new(name, status(outcome, level));
    case.set_classname(outcome.section.name).set_time(outcome.took);
    if let Verdict::Note(text) = &outcome.verdict {
        case.set_system_out(text);
    }
    case
}

fn status(outcome: &Outcome, level: Level) -> TestCaseStatus {
    let weight = outcome.case.level.word();
    match &outcome.verdict {
        Verdict::Pass | Verdict::Note(_) => TestCaseStatus::success(),
        Verdict::Skip(text) => TestCaseStatus::skipped().set_message(text).clone(),
        Verdict::Fail(text) if outcome.case.level > level => {
            let message = format!("{weight}, below the chosen level: {text}");
            TestCaseStatus::skipped().set_message(message).clone()
        }
        Verdict::Fail(text) => {
            let mut failure = TestCaseStatus::non_success(NonSuccessKind::Failure);
            failure.set_type(weight).set_message(text).clone()
        }
    }
}
