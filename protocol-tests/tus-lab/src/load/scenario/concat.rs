use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::amount::bytes;
use crate::load::failure::Failure;
use crate::load::payload::Span;
use crate::load::report::{Latency, Report};
use crate::load::subject::Subject;
use crate::load::tally::{Tally, micros};
use crate::load::upload::{self, Upload};

/// The pause between two HEADs of the whole.
const STEP: Duration = Duration::from_millis(5);
/// How long the whole may take before the joining counts as failed.
const BOUND: Duration = Duration::from_secs(60);

/// Joins of parts. A request is the POST that joins them, and its time is the latency. A server may join
/// after it has answered, so the time until the whole is there is reported, too.
#[derive(Debug, Clone, clap::Args)]
pub struct Concat {
    /// How large the whole is
    #[arg(long, value_name = "SIZE", default_value = "1GiB", value_parser = bytes)]
    pub size: u64,
    /// How many parts are joined
    #[arg(long, value_name = "N", default_value_t = 4)]
    pub parts: u64,
    /// How many wholes are made, one after the other
    #[arg(long, short = 'n', value_name = "N", default_value_t = 1)]
    pub count: u64,
}

impl Concat {
    pub(super) async fn run(&self, subject: &Arc<Subject>) -> Result<Report, Failure> {
        let mut tally = Tally::default();
        let (mut made, mut wholes) = (Vec::new(), Vec::new());
        let meter = subject.meter();
        for number in 0..self.count {
            let content = subject.content(number, self.size);
            if let Err(failure) = self.one(subject, content, &mut tally, &mut made, &mut wholes).await {
                tally.fail(&failure);
            }
        }
        let resources = meter.stop(tally.bytes, tally.requests);
        let mut report = Report::new("concat", &mut tally, resources);
        if let Some(whole) = Latency::of(wholes) {
            report = report
                .with("whole_ms_p50", f64::from(whole.p50_micros) / 1e3)
                .with("whole_ms_max", f64::from(whole.max_micros) / 1e3);
        }
        Ok(subject.conclude(report, &tally, &made).await)
    }

    async fn one(
        &self,
        subject: &Arc<Subject>,
        content: Span,
        tally: &mut Tally,
        made: &mut Vec<Upload>,
        wholes: &mut Vec<u32>,
    ) -> Result<(), Failure> {
        let parts = self.parts(subject, content).await?;
        made.extend_from_slice(&parts);
        let mut connection = subject.connection();
        connection.open().await?;
        let started = Instant::now();
        let whole = upload::create_final(&mut connection, &parts, content, &subject.metadata).await?;
        tally.note(started, content.len);
        made.push(whole.clone());
        until_whole(&mut connection, &whole, started).await?;
        wholes.push(micros(started.elapsed()));
        tally.connects += connection.connects;
        tally.uploads.push(whole);
        Ok(())
    }

    /// Sends the parts, all at the same time.
    async fn parts(&self, subject: &Arc<Subject>, whole: Span) -> Result<Vec<Upload>, Failure> {
        let mut connection = subject.connection();
        let mut parts = Vec::new();
        for number in 0..self.parts {
            let begin = whole.len * number / self.parts;
            let end = whole.len * (number + 1) / self.parts;
            let content = Span { start: whole.start + begin, len: end - begin };
            parts.push(upload::create(&mut connection, content, "Upload-Concat: partial\r\n").await?);
        }
        let mut workers = JoinSet::new();
        for (mut connection, part) in subject.lanes(parts.clone()).await? {
            let len = part.content.len;
            workers.spawn(async move { upload::patch(&mut connection, &part, 0, len).await });
        }
        while let Some(sent) = workers.join_next().await {
            sent.expect("a worker does not panic, and nobody cancels it")?;
        }
        Ok(parts)
    }
}

/// Sends HEAD until it tells the whole length: a server may answer the POST before it has joined the parts.
async fn until_whole(
    connection: &mut crate::load::client::Connection,
    whole: &Upload,
    started: Instant,
) -> Result<(), Failure> {
    loop {
        let answer = upload::try_head(connection, &whole.path).await?;
        let is_whole = answer.number("upload-offset") == Some(whole.content.len);
        if answer.status < 300 && is_whole {
            return Ok(());
        }
        if started.elapsed() > BOUND {
            return Err(Failure::new(format_args!("not joined within {BOUND:?}: status {}", answer.status)));
        }
        tokio::time::sleep(STEP).await;
    }
}
