use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crate::amount::bytes;
use crate::load::client::{Connection, Response};
use crate::load::failure::Failure;
use crate::load::report::Report;
use crate::load::subject::Subject;
use crate::load::tally::Tally;
use crate::load::tickets::{AsyncWork, Pace, at_pace};
use crate::load::upload::{self, Upload};

/// Whole small uploads; a request is an upload, whose requests count as one.
#[derive(Debug, Clone, clap::Args)]
pub struct Tiny {
    /// How many uploads are made, how long, and by how many clients.
    #[command(flatten)]
    pub pace: Pace,
    /// How large an upload is
    #[arg(long, value_name = "SIZE", default_value = "16KiB", value_parser = bytes)]
    pub size: u64,
    /// Create and PATCH in two requests, instead of creation-with-upload
    #[arg(long)]
    pub two_requests: bool,
    /// Count an upload as done only when an answer carries this header, in which the server names its result
    #[arg(long, value_name = "HEADER")]
    pub until_header: Option<String>,
}

impl Tiny {
    pub(super) async fn run(&self, subject: &Arc<Subject>) -> Result<Report, Failure> {
        let whole = Whole::new(self.size, self.two_requests, self.until_header.as_deref());
        let meter = subject.meter();
        let mut tally = at_pace(subject, &self.pace, whole.clone()).await;
        let resources = meter.stop(tally.bytes, tally.requests);
        let figure = |count: &AtomicU64| count.load(Ordering::Relaxed) as f64;
        let report = Report::new("tiny", &mut tally, resources)
            .with("needed_a_patch", figure(&whole.patched))
            .with("needed_a_head", figure(&whole.asked));
        Ok(subject.conclude(report, &tally, &tally.uploads).await)
    }
}

/// The work of one whole upload.
#[derive(Debug, Clone)]
pub(super) struct Whole {
    size: u64,
    two_requests: bool,
    until_header: Option<Arc<str>>,
    /// How many uploads needed a PATCH, because the creation did not accept all bytes.
    patched: Arc<AtomicU64>,
    /// How many uploads were asked for again, because their last answer lacked that header.
    asked: Arc<AtomicU64>,
}

impl AsyncWork for Whole {
    async fn once(
        &self,
        subject: &Subject,
        connection: &mut Connection,
        ticket: u64,
        tally: &mut Tally,
    ) -> Result<(), Failure> {
        let started = Instant::now();
        let (upload, answer) = self.send(subject, connection, ticket).await?;
        if let Some(header) = self.until_header.as_deref()
            && answer.header(header).is_none()
        {
            self.asked.fetch_add(1, Ordering::Relaxed);
            let answer = upload::try_head(connection, &upload.path).await?.expecting(&[200, 204])?;
            answer.header(header).ok_or_else(|| Failure::new(format_args!("HEAD tells no {header}")))?;
        }
        tally.note(started, self.size);
        tally.uploads.push(upload);
        Ok(())
    }
}

impl Whole {
    pub(super) fn new(size: u64, two_requests: bool, until_header: Option<&str>) -> Self {
        Self {
            size,
            two_requests,
            until_header: until_header.map(Arc::from),
            patched: Arc::default(),
            asked: Arc::default(),
        }
    }

    async fn send(
        &self,
        subject: &Subject,
        connection: &mut Connection,
        ticket: u64,
    ) -> Result<(Upload, Response), Failure> {
        let content = subject.content(ticket, self.size);
        let (upload, offset) = if self.two_requests {
            (upload::create(connection, content, &subject.metadata).await?, 0)
        } else {
            let made = upload::create_with_upload(connection, content, &subject.metadata).await?;
            match made.1.number("upload-offset") {
                Some(offset) if offset == self.size => return Ok(made),
                // A server without the extension tells no offset, or 0.
                offset => (made.0, offset.unwrap_or(0)),
            }
        };
        self.patched.fetch_add(1, Ordering::Relaxed);
        let answer = upload::try_patch(connection, &upload, offset, self.size - offset).await?;
        let answer = answer.expecting(&[204])?;
        upload::check_offset(&answer, self.size)?;
        Ok((upload, answer))
    }
}
