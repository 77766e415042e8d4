use serde::{Deserialize, Serialize};

use super::{Offer, Outcome, Report};
use crate::conformance::case::Level;

/// A report as it is written to a file and read again.
///
/// Two runs against a server that behaves the same differ only in `took_secs`.
#[derive(Debug, Serialize, Deserialize)]
pub struct Record {
    /// The URL of creation.
    pub endpoint: String,
    /// The server's offer.
    pub offer: Offer,
    /// Whether bytes could be compared, because GET gives them back.
    pub bytes_compared: bool,
    /// How long the run took.
    pub took_secs: f64,
    /// The outcomes of the cases.
    pub cases: Vec<CaseRecord>,
}

/// The outcome of one case.
#[derive(Debug, Serialize, Deserialize)]
pub struct CaseRecord {
    /// The id of the case.
    pub id: String,
    /// The section of the case.
    pub section: String,
    /// The URL of the section.
    pub text: String,
    /// The level of the case.
    pub level: Level,
    /// The expected behaviour.
    pub title: String,
    /// `pass`, `note`, `fail` or `skip`.
    pub verdict: String,
    /// The remark or the reason, if there is one.
    pub reason: Option<String>,
}

impl Record {
    /// Reads such a file.
    ///
    /// # Errors
    /// When the text is not a report.
    pub fn read(json: &str) -> serde_json::Result<Self> {
        serde_json::from_str(json)
    }

    /// The text of the file.
    #[must_use]
    pub fn json(&self) -> String {
        serde_json::to_string_pretty(self).expect("strings and numbers are JSON") + "\n"
    }
}

impl Report {
    /// The whole report as JSON.
    #[must_use]
    pub fn json(&self) -> String {
        Record::from(self).json()
    }
}

impl From<&Report> for Record {
    fn from(report: &Report) -> Self {
        Self {
            endpoint: report.endpoint.clone(),
            offer: report.offer.clone(),
            bytes_compared: report.bytes_compared,
            took_secs: report.took.as_secs_f64(),
            cases: report.outcomes.iter().map(CaseRecord::from).collect(),
        }
    }
}

impl From<&Outcome> for CaseRecord {
    fn from(outcome: &Outcome) -> Self {
        Self {
            id: outcome.case.id.to_owned(),
            section: outcome.section.name.to_owned(),
            text: outcome.section.text.to_owned(),
            level: outcome.case.level,
            title: outcome.case.title.to_owned(),
            verdict: outcome.verdict.word().to_ascii_lowercase(),
            reason: outcome.verdict.reason().map(str::to_owned),
        }
    }
}
