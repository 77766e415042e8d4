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
    /// Where the bytes were read.
    pub bytes_seen_by: String,
    /// Whether nothing speaks against the server.
    pub good: bool,
    /// How long the run took.
    pub took_ms: u64,
    /// The outcome of each row, in the order of the matrix.
    pub rows: Vec<RowRecord>,
}

/// The outcome of one row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RowRecord {
    /// The name of the row: client, way, moment, trouble.
    pub row: String,
    /// `good`, `unfinished`, `corrupted`, `unchecked` or `skipped`.
    pub verdict: String,
    /// Whether the row speaks against the server.
    pub bad: bool,
    /// The remark in words, if there is one.
    pub remark: Option<String>,
    /// The course of the upload, unless the row was skipped.
    pub course: Option<CourseRecord>,
}

/// The course of an upload.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CourseRecord {
    /// Whether the client was told that the upload is complete.
    pub finished: bool,
    /// `identical`, `different` or `not checked`.
    pub bytes: String,
    /// How many bytes of content were sent more than once.
    pub sent_again: u64,
    /// The time from the trouble until the server accepted further bytes, or said that it had all.
    pub went_on_ms: Option<u64>,
    /// How often content was sent from its first byte on again.
    pub starts_again: u32,
    /// How many uploads the server has for this row.
    pub uploads: u64,
    /// Whether the server may have more uploads for it: a creation died, and its outcome is not known.
    pub uploads_may_be_more: bool,
    /// How many requests were sent.
    pub requests: u32,
    /// How long the row took.
    pub took_ms: u64,
}

impl Record {
    /// Reads such a file.
    ///
    /// # Errors
    /// When the text is not a report.
    pub fn read(json: &str) -> serde_json::Result<Self> {
        serde_json::from_str(json)
    }
}

impl Report {
    /// The whole report as JSON.
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

/// A time in whole milliseconds.
fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
