use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::Receiver;
use tokio::time::timeout;

use crate::amount::bytes;
use crate::load::client::{Connection, Request};
use crate::load::failure::Failure;
use crate::load::report::Report;
use crate::load::socket::{self, Event};
use crate::load::subject::Subject;
use crate::load::tally::Tally;
use crate::load::upload::{self, Upload};

/// How long an announcement may take before it counts as lost.
const BOUND: Duration = Duration::from_secs(60);

/// Uploads in one PATCH each. The latency is the time from an upload's last byte to the event about it. If
/// the service has several addresses, uploads go to the first one, and the listener is at the last one.
#[derive(Debug, Clone, clap::Args)]
pub struct Announce {
    /// How large an upload is
    #[arg(long, value_name = "SIZE", default_value = "16KiB", value_parser = bytes)]
    pub size: u64,
    /// How many uploads are made, one after the other
    #[arg(long, short = 'n', value_name = "N", default_value_t = 100)]
    pub count: u64,
    /// The listener's auth payload when it connects, as JSON
    #[arg(long, value_name = "JSON", default_value = "{}")]
    pub auth: String,
    /// The name of the event
    #[arg(long, value_name = "NAME")]
    pub event: String,
    /// The key of the event's data that has the id of the upload, the last part of its URL
    #[arg(long, value_name = "KEY")]
    pub key: String,
}

impl Announce {
    pub(super) async fn run(&self, subject: &Arc<Subject>) -> Result<Report, Failure> {
        let uploads = subject.create(self.count, self.size).await?;
        let mut events = socket::listen(subject.last(), &self.auth).await?;
        let mut tally = Tally::default();
        let meter = subject.meter();
        for upload in &uploads {
            match self.one(subject, upload, &mut events).await {
                Ok(took) => {
                    tally.note_time(took, self.size);
                    tally.uploads.push(upload.clone());
                }
                Err(failure) => {
                    if !tally.fail(&failure) {
                        break;
                    }
                }
            }
        }
        tally.connects = 1 + tally.requests;
        let resources = meter.stop(tally.bytes, tally.requests);
        let report = Report::new("announce", &mut tally, resources);
        Ok(subject.conclude(report, &tally, &uploads).await)
    }

    async fn one(
        &self,
        subject: &Subject,
        upload: &Upload,
        events: &mut Receiver<Event>,
    ) -> Result<Duration, Failure> {
        let size = upload.content.len;
        // With a usual send buffer of several MiB, the last byte would only have reached that buffer.
        let mut connection = Connection::new(subject.first()).sending_at_once();
        let headers = upload::patch_headers(0);
        let request = Request::new("PATCH", &upload.path).headers(&headers);
        connection.send_part(request.body(upload::patch_body(upload, 0, size)), u64::MAX).await?;
        let last_byte = Instant::now();
        let heard = timeout(BOUND, self.announced(events, upload.id())).await;
        let heard = heard.map_err(|_| Failure::new(format_args!("not announced within {BOUND:?}")))??;
        connection.finish().await?.expecting(&[204])?;
        Ok(heard.saturating_duration_since(last_byte))
    }

    /// Waits for the event about this upload, and returns when it came.
    async fn announced(&self, events: &mut Receiver<Event>, upload_id: &str) -> Result<Instant, Failure> {
        while let Some(event) = events.recv().await {
            if event.name == self.event && event.data[&self.key] == upload_id {
                return Ok(event.at);
            }
        }
        Err(Failure::new("the listener's socket was closed"))
    }
}
