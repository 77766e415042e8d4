use std::time::Duration;

use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};

use super::super::outcome::{Outcome, Verdict};
use super::Report;

impl Report {
    /// The report as JUnit's XML, which build servers read: a test for each row.
    ///
    /// # Panics
    /// Never: text accepts everything.
    #[must_use]
    pub fn junit(&self) -> String {
        let mut suite = TestSuite::new("tus-lab disconnect");
        suite.set_time(self.took).add_test_cases(self.outcomes.iter().map(case));
        let mut report = quick_junit::Report::new("tus-lab");
        report.add_test_suite(suite);
        report.to_string().expect("text takes everything")
    }
}

/// The test of a row. A rogue client has no right to finish: that it did not is noted, and no failure.
fn case(outcome: &Outcome) -> TestCase {
    let name = outcome.row.to_string();
    let (class, name) = name.rsplit_once('/').unwrap_or(("", &name));
    let (verdict, remark) = (outcome.verdict(), outcome.remark().unwrap_or_default());
    let told = format!("{}: {remark}", verdict.to_string().to_lowercase());
    let status = match verdict {
        Verdict::Skipped => TestCaseStatus::skipped().set_message(remark).clone(),
        _ if outcome.is_bad() => failure().set_message(&told).clone(),
        _ => TestCaseStatus::success(),
    };
    let mut case = TestCase::new(name, status);
    case.set_classname(class);
    case.set_time(outcome.result.as_ref().map_or(Duration::ZERO, |course| course.took));
    if matches!(verdict, Verdict::Unfinished | Verdict::Unchecked) && !outcome.is_bad() {
        case.set_system_out(told);
    }
    case
}

fn failure() -> TestCaseStatus {
    TestCaseStatus::non_success(NonSuccessKind::Failure)
}
