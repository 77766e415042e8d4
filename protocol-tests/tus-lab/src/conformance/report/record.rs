use serde::{Deserialize, Serialize};

use super::{Offer, Outcome, Report};
use crate::conformance::case::Level;

/// A report as it is written to a file and read again.
///
/// Two runs against the same server differ in `took_secs` alone, as long as it does the same.
#[derive(Debug, Serialize, Deserialize)]
pub struct Record {
    /// The URL of creation.
    pub endpoint: String,
    /// What the server says about itself.
    pub offer: Offer,
    /// Whether bytes could be compared, because GET gives them back.
    pub bytes_compared: bool,
    /// How long the run took.
    pub took_secs: f64,
    /// What became of each case.
    pub cases: Vec<CaseRecord>,
}

/// What became of one case.
#[derive(Debug, Serialize, Deserialize)]
pub struct CaseRecord {
    /// Its name.
    pub id: String,
    /// The section that it belongs to.
    pub section: String,
    /// Where that is written.
    pub text: String,
    /// How much it weighs.
    pub level: Level,
    /// What is asked.
    pub title: String,
    /// `pass`, `note`, `fail` or `skip`.
    pub verdict: String,
    /// What there is to say about it.
    pub reason: Option<String>,
}

impl Record {
    /// What such a file says.
    ///
    /// # Errors
    /// When it is no report.
    pub fn read(json: &str) -> serde_json::Result<Self> {
        serde_json::from_str(json)
    }

    /// The file.
    #[must_use]
    pub fn json(&self) -> String {
        serde_json::to_string_pretty(self).expect("strings and numbers are JSON") + "\n"
    }
}

impl Report {
    /// Everything, as JSON.
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
