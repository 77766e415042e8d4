use std::sync::Arc;
use std::time::{Duration, Instant};

use super::counted::counted;
use crate::amount::bytes;
use crate::load::client::Connection;
use crate::load::failure::Failure;
use crate::load::report::Report;
use crate::load::subject::Subject;
use crate::load::tally::Tally;
use crate::load::tickets::{AsyncWork, Pace, at_pace};
use crate::load::upload::{self, Upload};

/// How long filling and finishing may take, in seconds.
const BOUND_SECS: f64 = 3600.0;

/// Uploads that are begun at full speed until `count` of them are under way, and then all finished. The rate
/// at which uploads are begun is measured before and after.
///
/// The requests and the latency are those of the filling. Nothing is terminated: after deletions some file
/// systems create files slowly for minutes, which is not the subject here.
#[derive(Debug, Clone, clap::Args)]
pub struct Parts {
    /// How many uploads are to be under way
    #[arg(long, short = 'n', value_name = "N", default_value_t = 50_000)]
    pub count: u64,
    /// How many clients fill and finish
    #[arg(long, value_name = "N", default_value_t = 64)]
    pub fillers: u64,
    /// For how many seconds creations are counted, before and after
    #[arg(long, value_name = "SECS", default_value_t = 3.0)]
    pub secs: f64,
    /// How many clients create while it is counted
    #[arg(long, short, value_name = "N", default_value_t = 16)]
    pub clients: u64,
    /// How long an upload is; half of it comes with the creation
    #[arg(long, value_name = "SIZE", default_value = "2KiB", value_parser = bytes)]
    pub size: u64,
    /// How long the server has to itself when all are finished
    #[arg(long, value_name = "SECS", default_value_t = 70.0)]
    pub rest: f64,
}

impl Parts {
    pub(super) async fn run(&self, subject: &Arc<Subject>) -> Result<Report, Failure> {
        let half = Half { size: self.size };
        let (fresh, mut all) = counted(subject, self.secs, self.clients, half.clone()).await;
        let rest = self.count.saturating_sub(all.requests);
        let filling = Pace { count: rest, secs: BOUND_SECS, clients: self.fillers };
        let meter = subject.meter();
        let mut filled = at_pace(subject, &filling, half.clone()).await;
        let resources = meter.stop(filled.bytes, filled.requests);
        let begun: Arc<[Upload]> = all.uploads.drain(..).chain(filled.uploads.drain(..)).collect();
        let mut report = Report::new("parts", &mut filled, resources);
        all.add(filled);
        let finishing = Pace { count: begun.len() as u64, secs: BOUND_SECS, clients: self.fillers };
        let finished = at_pace(subject, &finishing, Finishing { begun: Arc::clone(&begun) }).await;
        all.add(finished);
        tokio::time::sleep(Duration::from_secs_f64(self.rest)).await;
        let (again, made) = counted(subject, self.secs, self.clients, half).await;
        all.failures.extend(made.failures);
        report.failures.append(&mut all.failures);
        let report = report
            .with("parts", begun.len() as f64)
            .with("create_per_sec_empty", fresh)
            .with("create_per_sec_full", again);
        all.uploads = begun.to_vec();
        Ok(subject.conclude(report, &all, &made.uploads).await)
    }
}

/// The work of one creation with the first half of the bytes.
#[derive(Debug, Clone)]
struct Half {
    size: u64,
}

impl AsyncWork for Half {
    async fn once(
        &self,
        subject: &Subject,
        connection: &mut Connection,
        ticket: u64,
        tally: &mut Tally,
    ) -> Result<(), Failure> {
        let started = Instant::now();
        let (content, sent) = (subject.content(ticket, self.size), self.size / 2);
        let metadata = &subject.metadata;
        let (upload, answer) = upload::create_with_first(connection, content, sent, metadata).await?;
        upload::check_offset(&answer, sent)?;
        tally.note(started, sent);
        tally.uploads.push(upload);
        Ok(())
    }
}

/// The work of sending the other half.
#[derive(Debug, Clone)]
struct Finishing {
    begun: Arc<[Upload]>,
}

impl AsyncWork for Finishing {
    async fn once(
        &self,
        _: &Subject,
        connection: &mut Connection,
        ticket: u64,
        _: &mut Tally,
    ) -> Result<(), Failure> {
        let upload = usize::try_from(ticket).ok().and_then(|ticket| self.begun.get(ticket));
        let upload = upload.ok_or_else(|| Failure::new("there are as many tickets as uploads"))?;
        let sent = upload.content.len / 2;
        upload::patch(connection, upload, sent, upload.content.len - sent).await
    }
}
