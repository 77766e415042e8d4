use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::amount::bytes;
use crate::load::client::Connection;
use crate::load::failure::Failure;
use crate::load::report::Report;
use crate::load::subject::Subject;
use crate::load::tally::Tally;
use crate::load::upload::{self, Upload};

/// Uploads in many PATCHes; a request is a PATCH of one chunk.
#[derive(Debug, Clone, clap::Args)]
pub struct Chunked {
    /// How large an upload is
    #[arg(long, value_name = "SIZE", default_value = "256MiB", value_parser = bytes)]
    pub size: u64,
    /// How large the body of a PATCH is
    #[arg(long, value_name = "SIZE", default_value = "1MiB", value_parser = bytes)]
    pub chunk: u64,
    /// How many uploads there are at the same time
    #[arg(long, short, value_name = "N", default_value_t = 1)]
    pub clients: u64,
    /// Stop after this many seconds, complete or not
    #[arg(long, value_name = "SECS", default_value_t = 3.0)]
    pub secs: f64,
}

impl Chunked {
    pub(super) async fn run(&self, subject: &Arc<Subject>) -> Result<Report, Failure> {
        let uploads = subject.create(self.clients, self.size).await?;
        let lanes = subject.lanes(uploads.clone()).await?;
        let meter = subject.meter();
        let deadline = Instant::now() + Duration::from_secs_f64(self.secs);
        let mut workers = JoinSet::new();
        for (connection, upload) in lanes {
            workers.spawn(one(connection, upload, self.chunk.max(1), deadline));
        }
        let mut tally = Tally::of(workers).await;
        let resources = meter.stop(tally.bytes, tally.requests);
        let report = Report::new("chunked", &mut tally, resources);
        Ok(subject.conclude(report, &tally, &uploads).await)
    }
}

async fn one(mut connection: Connection, upload: Upload, chunk: u64, deadline: Instant) -> Tally {
    let mut tally = Tally::default();
    let size = upload.content.len;
    let mut offset = 0;
    while offset < size && Instant::now() < deadline {
        let len = chunk.min(size - offset);
        let started = Instant::now();
        if let Err(failure) = upload::patch(&mut connection, &upload, offset, len).await {
            // The rest of this upload would only fail as well.
            tally.fail(&failure);
            break;
        }
        tally.note(started, len);
        offset += len;
    }
    if offset == size {
        tally.uploads.push(upload);
    }
    tally.connects = connection.connects;
    tally
}
