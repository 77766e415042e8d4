use serde_json::{Value, json};

use super::super::outcome::{Bytes, Course, End, Outcome};
use super::{Counts, Report};

impl Report {
    /// Everything, for a machine.
    #[must_use]
    pub fn json(&self) -> Value {
        json!({
            "endpoint": self.endpoint,
            "size": self.size,
            "seed": self.seed,
            "bytes_seen_by": self.seen_by,
            "good": self.is_good(),
            "counts": {"stock": counts(self.counts(true)), "rogue": counts(self.counts(false))},
            "rows": self.outcomes.iter().map(row).collect::<Vec<_>>(),
            "took_ms": millis(self.took),
        })
    }
}

fn counts(counts: Counts) -> Value {
    let Counts { good, unfinished, corrupted, unchecked, skipped } = counts;
    json!({
        "good": good,
        "unfinished": unfinished,
        "corrupted": corrupted,
        "unchecked": unchecked,
        "skipped": skipped,
    })
}

fn row(outcome: &Outcome) -> Value {
    let mut row = json!({
        "row": outcome.row.to_string(),
        "verdict": outcome.verdict().to_string().to_lowercase(),
        "bad": outcome.is_bad(),
        "remark": outcome.remark(),
    });
    if let Ok(course) = &outcome.result {
        row["course"] = self::course(course);
    }
    row
}

fn course(course: &Course) -> Value {
    let bytes = match course.bytes {
        Bytes::Identical => "identical",
        Bytes::Different(_) => "different",
        Bytes::NotChecked(_) => "not checked",
    };
    json!({
        "finished": course.end == End::Finished,
        "bytes": bytes,
        "sent_again": course.sent_again,
        "went_on_ms": course.went_on.map(millis),
        "starts_again": course.starts_again,
        "uploads": course.uploads,
        "uploads_may_be_more": course.may_be_more,
        "requests": course.requests,
        "took_ms": millis(course.took),
    })
}

/// A JSON number has no need for more digits than a clock has.
fn millis(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
