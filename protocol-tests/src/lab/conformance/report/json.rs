use serde::Serialize;

use super::{Offer, Outcome, Report};
use crate::lab::conformance::case::Level;

/// The report, as it is written.
#[derive(Serialize)]
struct Written<'a> {
    endpoint: &'a str,
    offer: &'a Offer,
    bytes_compared: bool,
    took_secs: f64,
    cases: Vec<WrittenCase<'a>>,
}

#[derive(Serialize)]
struct WrittenCase<'a> {
    id: &'a str,
    section: &'a str,
    level: Level,
    title: &'a str,
    verdict: &'a str,
    reason: Option<&'a str>,
    took_secs: f64,
}

pub(super) fn json(report: &Report) -> String {
    let written = Written {
        endpoint: &report.endpoint,
        offer: &report.offer,
        bytes_compared: report.bytes_compared,
        took_secs: report.took.as_secs_f64(),
        cases: report.outcomes.iter().map(case).collect(),
    };
    serde_json::to_string_pretty(&written).expect("strings and numbers are JSON") + "\n"
}

fn case(outcome: &Outcome) -> WrittenCase<'_> {
    WrittenCase {
        id: outcome.case.id,
        section: outcome.section,
        level: outcome.case.level,
        title: outcome.case.title,
        verdict: match outcome.verdict.word() {
            "FAIL" => "fail",
            word => word,
        },
        reason: outcome.verdict.reason(),
        took_secs: outcome.took.as_secs_f64(),
    }
}
