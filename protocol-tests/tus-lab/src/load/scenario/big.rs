use std::sync::Arc;
use std::time::Instant;

use tokio::task::JoinSet;

use crate::amount::bytes;
use crate::load::client::Connection;
use crate::load::failure::Failure;
use crate::load::report::Report;
use crate::load::subject::Subject;
use crate::load::tally::Tally;
use crate::load::upload::{self, Upload};

/// Uploads in one PATCH each; the clock runs while the bodies are sent.
#[derive(Debug, Clone, clap::Args)]
pub struct Big {
    /// How large an upload is
    #[arg(long, value_name = "SIZE", default_value = "1GiB", value_parser = bytes)]
    pub size: u64,
    /// How many uploads there are at the same time
    #[arg(long, short, value_name = "N", default_value_t = 1)]
    pub clients: u64,
}

impl Big {
    pub(super) async fn run(&self, subject: &Arc<Subject>) -> Result<Report, Failure> {
        let uploads = subject.create(self.clients, self.size).await?;
        let lanes = subject.lanes(uploads.clone()).await?;
        let meter = subject.meter();
        let mut workers = JoinSet::new();
        for (connection, upload) in lanes {
            workers.spawn(one(connection, upload));
        }
        let mut tally = Tally::of(workers).await;
        let resources = meter.stop(tally.bytes, tally.requests);
        let report = Report::new("big", &mut tally, resources);
        Ok(subject.conclude(report, &tally, &uploads).await)
    }
}

async fn one(mut connection: Connection, upload: Upload) -> Tally {
    let mut tally = Tally::default();
    let started = Instant::now();
    match upload::patch(&mut connection, &upload, 0, upload.content.len).await {
        Ok(()) => {
            tally.note(started, upload.content.len);
            tally.uploads.push(upload);
        }
        Err(failure) => _ = tally.fail(&failure),
    }
    tally.connects = connection.connects;
    tally
}
