use std::sync::Arc;
use std::time::Instant;

use crate::amount::bytes;
use crate::load::client::Connection;
use crate::load::failure::Failure;
use crate::load::report::Report;
use crate::load::subject::Subject;
use crate::load::tally::Tally;
use crate::load::tickets::{AsyncWork, Pace, at_pace};
use crate::load::upload;

/// Creations without content; a request is a creation.
#[derive(Debug, Clone, clap::Args)]
pub struct Create {
    /// How many requests are sent, how long, and by how many clients.
    #[command(flatten)]
    pub pace: Pace,
    /// The length that is announced
    #[arg(long, value_name = "SIZE", default_value = "1KiB", value_parser = bytes)]
    pub size: u64,
}

impl Create {
    pub(super) async fn run(&self, subject: &Arc<Subject>) -> Result<Report, Failure> {
        let meter = subject.meter();
        let mut tally = at_pace(subject, &self.pace, Creation { size: self.size }).await;
        let resources = meter.stop(0, tally.requests);
        let report = Report::new("create", &mut tally, resources);
        // Nothing was sent, so there is nothing to compare.
        let made = std::mem::take(&mut tally.uploads);
        Ok(subject.conclude(report, &tally, &made).await)
    }
}

/// The work of one creation.
#[derive(Debug, Clone)]
pub(super) struct Creation {
    pub(super) size: u64,
}

impl AsyncWork for Creation {
    async fn once(
        &self,
        subject: &Subject,
        connection: &mut Connection,
        ticket: u64,
        tally: &mut Tally,
    ) -> Result<(), Failure> {
        let started = Instant::now();
        let content = subject.content(ticket, self.size);
        let upload = upload::create(connection, content, &subject.metadata).await?;
        tally.note(started, 0);
        tally.uploads.push(upload);
        Ok(())
    }
}
