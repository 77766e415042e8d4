use std::sync::Arc;
use std::time::Instant;

use crate::load::client::Connection;
use crate::load::failure::Failure;
use crate::load::payload::index;
use crate::load::report::Report;
use crate::load::subject::Subject;
use crate::load::tally::Tally;
use crate::load::tickets::{AsyncWork, Pace, at_pace};
use crate::load::upload::{self, Upload};

/// The size of the uploads that are asked for.
const SIZE: u64 = 4096;

/// HEADs of complete uploads; a request is a HEAD.
#[derive(Debug, Clone, clap::Args)]
pub struct Head {
    /// How many requests are sent, how long, and by how many clients.
    #[command(flatten)]
    pub pace: Pace,
    /// How many uploads are asked for in turn
    #[arg(long, value_name = "N", default_value_t = 64)]
    pub uploads: u64,
}

impl Head {
    pub(super) async fn run(&self, subject: &Arc<Subject>) -> Result<Report, Failure> {
        let uploads = subject.create(self.uploads, SIZE).await?;
        let mut connection = subject.connection();
        for upload in &uploads {
            upload::patch(&mut connection, upload, 0, SIZE).await?;
        }
        let asking = Asking { uploads: uploads.into(), offset: SIZE };
        let meter = subject.meter();
        let mut tally = at_pace(subject, &self.pace, asking.clone()).await;
        let resources = meter.stop(0, tally.requests);
        let report = Report::new("head", &mut tally, resources);
        tally.uploads = asking.uploads.to_vec();
        Ok(subject.conclude(report, &tally, &asking.uploads).await)
    }
}

/// The work of one HEAD of one of these uploads, which all have this offset.
#[derive(Debug, Clone)]
pub(super) struct Asking {
    pub(super) uploads: Arc<[Upload]>,
    pub(super) offset: u64,
}

impl Asking {
    /// HEAD of uploads without a byte.
    pub(super) fn of<'a>(uploads: impl IntoIterator<Item = &'a Upload>) -> Self {
        Self { uploads: uploads.into_iter().cloned().collect(), offset: 0 }
    }
}

impl AsyncWork for Asking {
    async fn once(
        &self,
        _: &Subject,
        connection: &mut Connection,
        ticket: u64,
        tally: &mut Tally,
    ) -> Result<(), Failure> {
        let Some(turn) = ticket.checked_rem(self.uploads.len() as u64) else {
            return Err(Failure::new("there is no upload to ask for"));
        };
        let upload = &self.uploads[index(turn)];
        let started = Instant::now();
        upload::check_head(connection, upload, self.offset).await?;
        tally.note(started, 0);
        Ok(())
    }
}
