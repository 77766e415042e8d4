use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::ValueEnum;

use crate::amount::{bytes, time};
use crate::load::client::{Connection, Request};
use crate::load::failure::Failure;
use crate::load::report::{Latency, Report};
use crate::load::subject::Subject;
use crate::load::tally::{Tally, micros};
use crate::load::upload::{self, Upload};

/// The pause before a refused request is repeated.
const STEP: Duration = Duration::from_millis(10);
/// How long requests are repeated before the upload is given up.
const BOUND: Duration = Duration::from_secs(30);

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum End {
    /// With an orderly end, in the middle of the body
    Fin,
    /// With a reset
    Reset,
    /// Not at all: it falls silent, and sends more when another one has finished the upload
    Vanish,
}

/// Uploads whose connections break. The latency is the time from the end of a connection to an answered HEAD,
/// which goes to the next address if the service has several.
#[derive(Debug, Clone, clap::Args)]
pub struct Resume {
    /// How large an upload is
    #[arg(long, value_name = "SIZE", default_value = "16MiB", value_parser = bytes)]
    pub size: u64,
    /// How many uploads are broken, one after the other
    #[arg(long, short = 'n', value_name = "N", default_value_t = 20)]
    pub count: u64,
    /// How the connection ends
    #[arg(long, value_enum, default_value_t = End::Vanish)]
    pub end: End,
    /// How long nothing is sent between the last byte and the end, so that no bytes are lost on their way
    #[arg(long, value_name = "TIME", value_parser = time, default_value = "50ms")]
    pub settle: Duration,
}

/// The course of a broken upload.
#[derive(Debug, Default)]
struct Course {
    head: Duration,
    accepted: Duration,
    sent_again: u64,
    retries: u64,
}

impl Resume {
    pub(super) async fn run(&self, subject: &Arc<Subject>) -> Result<Report, Failure> {
        let uploads = subject.create(self.count, self.size).await?;
        let mut tally = Tally::default();
        let mut courses = Vec::new();
        let meter = subject.meter();
        for upload in &uploads {
            match self.one(subject, upload, &mut tally).await {
                Ok(course) => courses.push(course),
                Err(failure) => _ = tally.fail(&failure),
            }
        }
        let resources = meter.stop(tally.bytes, tally.requests);
        let accepted = Latency::of(courses.iter().map(|course| micros(course.accepted)).collect());
        let again = |of: &dyn Fn(&Course) -> u64| courses.iter().map(of).max().unwrap_or(0) as f64;
        let report = Report::new("resume", &mut tally, resources)
            .with("sent_again_kib_max", again(&|course| course.sent_again) / 1024.0)
            .with("retries_max", again(&|course| course.retries))
            .with("accepted_ms_p99", accepted.map_or(0.0, |it| f64::from(it.p99_micros) / 1e3));
        Ok(subject.conclude(report, &tally, &uploads).await)
    }

    async fn one(
        &self,
        subject: &Arc<Subject>,
        upload: &Upload,
        tally: &mut Tally,
    ) -> Result<Course, Failure> {
        let mut first = subject.connection();
        let headers = upload::patch_headers(0);
        let request = Request::new("PATCH", &upload.path).headers(&headers);
        let request = request.body(upload::patch_body(upload, 0, self.size));
        first.send_part(request, somewhere(self.size)).await?;
        tokio::time::sleep(self.settle).await;
        match self.end {
            End::Fin => first.close(),
            End::Reset => first.reset().map_err(|error| Failure::io("reset", &error))?,
            End::Vanish => {}
        }
        let mut second = subject.connection();
        let mut course = go_on(&mut second, upload).await?;
        course.sent_again = (first.body_sent + second.body_sent).saturating_sub(self.size);
        if self.end == End::Vanish {
            wake_up(&mut first, subject, upload).await;
        }
        upload::check_head(&mut second, upload, self.size).await?;
        tally.connects += first.connects + second.connects;
        tally.note_time(course.head, self.size);
        tally.uploads.push(upload.clone());
        Ok(course)
    }
}

/// Asks for the offset and sends the rest, as often as necessary.
async fn go_on(connection: &mut Connection, upload: &Upload) -> Result<Course, Failure> {
    let size = upload.content.len;
    let started = Instant::now();
    let mut course = Course::default();
    let mut heard = false;
    while started.elapsed() < BOUND {
        let answer = upload::try_head(connection, &upload.path).await?;
        let offset = answer.number("upload-offset").filter(|_| answer.status < 300);
        if let Some(offset) = offset {
            if offset >= size {
                return Err(Failure::new("HEAD tells of bytes that were never sent"));
            }
            if !heard {
                course.head = started.elapsed();
                heard = true;
            }
            course.accepted = started.elapsed();
            let answer = upload::try_patch(connection, upload, offset, size - offset).await?;
            if answer.status == 204 {
                return Ok(course);
            }
        }
        course.retries += 1;
        tokio::time::sleep(STEP).await;
    }
    Err(Failure::new(format_args!("not gone on within {BOUND:?}")))
}

/// The silent connection goes on with wrong bytes: a server that still accepts them damages the upload, which
/// shows when it is read back.
async fn wake_up(first: &mut Connection, subject: &Subject, upload: &Upload) {
    let wrong = upload.content.truncated(64 * 1024);
    _ = first.send_raw(&subject.payload().bytes(wrong)).await;
    first.close();
}

/// A random place that is neither near the beginning nor near the end.
fn somewhere(size: u64) -> u64 {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).expect("the system has random bytes");
    size / 10 + u64::from_ne_bytes(bytes) % (size * 8 / 10).max(1)
}
