use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::super::outcome::{Bytes, Course, End, Outcome};
use super::Report;

/// A report as it is written to a file and read again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The URL of creation.
    pub endpoint: String,
    /// How many bytes every upload had.
    pub size: u64,
    /// Where the bytes were seen.
    pub bytes_seen_by: String,
    /// Whether nothing speaks against the server.
    pub good: bool,
    /// How long the run took.
    pub took_ms: u64,
    /// What became of each row, in the order of the matrix.
    pub rows: Vec<RowRecord>,
}

/// What became of one row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RowRecord {
    /// Its name: client, way, moment, trouble.
    pub row: String,
    /// `good`, `unfinished`, `corrupted`, `unchecked` or `skipped`.
    pub verdict: String,
    /// Whether it speaks against the server.
    pub bad: bool,
    /// What there is to say beyond numbers.
    pub remark: Option<String>,
    /// How it went, unless it was skipped.
    pub course: Option<CourseRecord>,
}

/// How an upload went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CourseRecord {
    /// Whether the client was told that it is complete.
    pub finished: bool,
    /// `identical`, `different` or `not checked`.
    pub bytes: String,
    /// How many bytes of content went to the server more than once.
    pub sent_again: u64,
    /// How long it took from the trouble until the server took further bytes or said that it had
    /// all.
    pub went_on_ms: Option<u64>,
    /// How often content went from its first byte on, after the first time.
    pub starts_again: u32,
    /// How many uploads exist for it.
    pub uploads: u64,
    /// Whether there may be more of them: a creation died of whose fate nothing is known.
    pub uploads_may_be_more: bool,
    /// How many requests were sent.
    pub requests: u32,
    /// How long the whole took.
    pub took_ms: u64,
}

impl Record {
    /// What such a file says.
    ///
    /// # Errors
    /// When it is no report.
    pub fn read(json: &str) -> serde_json::Result<Self> {
        serde_json::from_str(json)
    }
}

impl Report {
    /// Everything, for a machine.
    #[must_use]
    pub fn json(&self) -> String {
        serde_json::to_string_pretty(&self.record()).expect("strings and numbers are JSON") + "\n"
    }

    pub(super) fn record(&self) -> Record {
        Record {
            endpoint: self.endpoint.clone(),
            size: self.size,
            bytes_seen_by: self.seen_by.clone(),
            good: self.is_good(),
            took_ms: millis(self.took),
            rows: self.outcomes.iter().map(RowRecord::from).collect(),
        }
    }
}

impl From<&Outcome> for RowRecord {
    fn from(outcome: &Outcome) -> Self {
        Self {
            row: outcome.row.to_string(),
            verdict: outcome.verdict().to_string().to_lowercase(),
            bad: outcome.is_bad(),
            remark: outcome.remark().map(str::to_owned),
            course: outcome.result.as_ref().ok().map(CourseRecord::from),
        }
    }
}

impl From<&Course> for CourseRecord {
    fn from(course: &Course) -> Self {
        let bytes = match course.bytes {
            Bytes::Identical => "identical",
            Bytes::Different(_) => "different",
            Bytes::NotChecked(_) => "not checked",
        };
        Self {
            finished: course.end == End::Finished,
            bytes: bytes.to_owned(),
            sent_again: course.sent_again,
            went_on_ms: course.went_on.map(millis),
            starts_again: course.starts_again,
            uploads: course.uploads,
            uploads_may_be_more: course.may_be_more,
            requests: course.requests,
            took_ms: millis(course.took),
        }
    }
}

/// A JSON number has no need for more digits than a clock has.
fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
