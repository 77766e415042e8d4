use std::sync::Arc;

use super::counted::counted;
use super::tiny::Whole;
use crate::amount::bytes;
use crate::load::failure::Failure;
use crate::load::report::Report;
use crate::load::subject::Subject;
use crate::load::tickets::{Pace, at_pace};

/// How long filling may take, in seconds.
const BOUND_SECS: f64 = 3600.0;

/// Small uploads at full speed until there are `count` of them. Their rate is measured before and after.
///
/// The requests and the latency are those of the filling.
#[derive(Debug, Clone, clap::Args)]
pub struct Uploads {
    /// How many uploads there are to be
    #[arg(long, short = 'n', value_name = "N", default_value_t = 1_000_000)]
    pub count: u64,
    /// How many clients fill
    #[arg(long, value_name = "N", default_value_t = 64)]
    pub fillers: u64,
    /// For how many seconds uploads are counted, empty and full
    #[arg(long, value_name = "SECS", default_value_t = 5.0)]
    pub secs: f64,
    /// How many clients send while it is counted
    #[arg(long, short, value_name = "N", default_value_t = 16)]
    pub clients: u64,
    /// How large a file is
    #[arg(long, value_name = "SIZE", default_value = "1KiB", value_parser = bytes)]
    pub size: u64,
    /// Count an upload as done only when an answer carries this header, in which the server names its result
    #[arg(long, value_name = "HEADER")]
    pub until_header: Option<String>,
}

impl Uploads {
    pub(super) async fn run(&self, subject: &Arc<Subject>) -> Result<Report, Failure> {
        let whole = Whole::new(self.size, false, self.until_header.as_deref());
        let (empty, mut all) = counted(subject, self.secs, self.clients, whole.clone()).await;
        let rest = self.count.saturating_sub(all.requests);
        let filling = Pace { count: rest, secs: BOUND_SECS, clients: self.fillers };
        let meter = subject.meter();
        let mut filled = at_pace(subject, &filling, whole.clone()).await;
        // A million uploads are too many to keep in memory.
        filled.uploads.clear();
        let resources = meter.stop(filled.bytes, filled.requests);
        let mut report = Report::new("uploads", &mut filled, resources);
        all.add(filled);
        let (full, made) = counted(subject, self.secs, self.clients, whole).await;
        all.add(made);
        report.failures.append(&mut all.failures);
        let report = report
            .with("uploads", all.requests as f64)
            .with("upload_per_sec_empty", empty)
            .with("upload_per_sec_full", full);
        Ok(subject.conclude(report, &all, &[]).await)
    }
}
