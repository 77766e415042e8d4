use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::counted::counted;
use super::create::Creation;
use super::head::Asking;
use crate::amount::bytes;
use crate::load::failure::Failure;
use crate::load::payload::Span;
use crate::load::report::Report;
use crate::load::subject::Subject;
use crate::load::tickets::{Pace, at_pace};
use crate::load::upload::Upload;

/// How long filling may take, in seconds.
const BOUND_SECS: f64 = 3600.0;

/// Creations at full speed until there are `count` of them; then some more, and HEADs among all of them.
///
/// The requests and the latency are those of the filling; the rates of creations and HEADs before and after
/// it are reported, too. Each of these runs for the same time uncounted before it is counted, so that an
/// empty store is measured under the same conditions as a full one.
#[derive(Debug, Clone, clap::Args)]
pub struct Records {
    /// How many upload records there are to be
    #[arg(long, short = 'n', value_name = "N", default_value_t = 1_000_000)]
    pub count: u64,
    /// How many clients fill
    #[arg(long, value_name = "N", default_value_t = 64)]
    pub fillers: u64,
    /// For how many seconds creations and HEADs are counted, empty and full
    #[arg(long, value_name = "SECS", default_value_t = 2.0)]
    pub secs: f64,
    /// How many clients create and ask while it is counted
    #[arg(long, short, value_name = "N", default_value_t = 16)]
    pub clients: u64,
    /// The length that is announced
    #[arg(long, value_name = "SIZE", default_value = "1KiB", value_parser = bytes)]
    pub size: u64,
    /// A file with the paths of uploads without content that are there already, one on each line: of the full
    /// store, HEAD asks for them first
    #[arg(long, value_name = "FILE")]
    pub among: Option<PathBuf>,
}

impl Records {
    pub(super) async fn run(&self, subject: &Arc<Subject>) -> Result<Report, Failure> {
        let creation = Creation { size: self.size };
        let there = self.among.as_deref().map_or(Ok(Vec::new()), paths)?;
        // One upload is created first, so that there is one for HEAD even if the counted time is very short.
        let one = Pace { count: 1, secs: BOUND_SECS, clients: 1 };
        let mut all = at_pace(subject, &one, creation.clone()).await;
        let (create_empty, made) = counted(subject, self.secs, self.clients, creation.clone()).await;
        all.add(made);
        let (head_empty, asked) = counted(subject, self.secs, self.clients, Asking::of(&all.uploads)).await;
        all.add(asked);
        let rest = self.count.saturating_sub(all.uploads.len() as u64);
        let filling = Pace { count: rest, secs: BOUND_SECS, clients: self.fillers };
        let meter = subject.meter();
        let mut filled = at_pace(subject, &filling, creation.clone()).await;
        let resources = meter.stop(0, filled.requests);
        let mut report = Report::new("records", &mut filled, resources);
        all.add(filled);
        let asking = Asking::of(there.iter().chain(&all.uploads));
        let (head_full, asked) = counted(subject, self.secs, self.clients, asking).await;
        all.add(asked);
        let (create_full, made) = counted(subject, self.secs, self.clients, creation).await;
        all.add(made);
        report.failures.append(&mut all.failures);
        let report = report
            .with("records", all.uploads.len() as f64)
            .with("create_per_sec_empty", create_empty)
            .with("create_per_sec_full", create_full)
            .with("head_per_sec_empty", head_empty)
            .with("head_per_sec_full", head_full);
        let made = std::mem::take(&mut all.uploads);
        Ok(subject.conclude(report, &all, &made).await)
    }
}

/// The uploads whose paths are in this file.
fn paths(file: &Path) -> Result<Vec<Upload>, Failure> {
    let text = fs::read_to_string(file).map_err(|error| Failure::io(&file.display().to_string(), &error))?;
    Ok(text.lines().map(|path| Upload { path: path.to_owned(), content: Span::default() }).collect())
}
