use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::runtime;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use crate::amount::bytes;
use crate::load::client::Request;
use crate::load::failure::Failure;
use crate::load::payload::Span;
use crate::load::report::{Latency, Report};
use crate::load::subject::Subject;
use crate::load::tally::Tally;
use crate::load::upload::{self, Upload};

/// How long the other client waits between two HEADs.
const PAUSE: Duration = Duration::from_millis(5);

/// Slow uploads; a request is one of them. The latency is that of HEAD, sent by another client from a thread
/// of its own.
#[derive(Debug, Clone, clap::Args)]
pub struct Idle {
    /// How many slow uploads there are at the same time
    #[arg(long, short, value_name = "N", default_value_t = 1000)]
    pub clients: u64,
    /// How many bytes each of them sends in a second
    #[arg(long, value_name = "SIZE", default_value = "1KiB", value_parser = bytes)]
    pub rate: u64,
    /// For how many seconds they send
    #[arg(long, value_name = "SECS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(3..))]
    pub secs: u64,
}

impl Idle {
    pub(super) async fn run(&self, subject: &Arc<Subject>) -> Result<Report, Failure> {
        let nothing = subject.server.sample().resident_kib;
        let uploads = subject.create(self.clients + 1, self.rate * self.secs).await?;
        let (asked, slow) = uploads.split_first().expect("there is one more than slow ones");
        let created = subject.server.sample().resident_kib;
        let meter = subject.meter();
        let (other, stop) = ask_meanwhile(subject, asked);
        let start = Instant::now();
        let mut workers = JoinSet::new();
        for (number, upload) in slow.iter().enumerate() {
            // The uploads start spread over the first second.
            let phase = Duration::from_secs_f64(number as f64 / self.clients as f64);
            let trickle =
                Trickle { upload: upload.clone(), rate: self.rate, secs: self.secs, start: start + phase };
            let subject = Arc::clone(subject);
            workers.spawn(async move { trickle.run(&subject).await });
        }
        // All uploads run since the first second, and the first one ends one second before the end.
        sleep(Duration::from_millis(self.secs * 1000 - 1200)).await;
        let open = subject.server.sample().resident_kib;
        stop.store(true, Ordering::Relaxed);
        let mut tally = Tally::of(workers).await;
        let asked = other.join().expect("the other client does not panic");
        let resources = meter.stop(tally.bytes, tally.requests);
        let each = |before: u64| open.saturating_sub(before) as f64 / self.clients as f64;
        let heads = asked.requests as f64;
        tally.failures.extend(asked.failures);
        let mut report = Report::new("idle", &mut tally, resources)
            .with("kib_per_upload", each(nothing))
            .with("kib_per_connection", each(created))
            .with("heads", heads);
        report.latency = Latency::of(asked.latencies_micros);
        Ok(subject.conclude(report, &tally, &uploads).await)
    }
}

/// Sends HEAD again and again until it is told to stop. It has a thread of its own: otherwise its figures
/// would show the load of this process's thousands of tasks.
fn ask_meanwhile(subject: &Arc<Subject>, upload: &Upload) -> (JoinHandle<Tally>, Arc<AtomicBool>) {
    let stop = Arc::new(AtomicBool::new(false));
    let (subject, upload, is_over) = (Arc::clone(subject), upload.clone(), Arc::clone(&stop));
    let asking = async move {
        let mut tally = Tally::default();
        let mut connection = subject.connection();
        while !is_over.load(Ordering::Relaxed) {
            let started = std::time::Instant::now();
            match upload::check_head(&mut connection, &upload, 0).await {
                Ok(()) => tally.note(started, 0),
                Err(failure) => {
                    if !tally.fail(&failure) {
                        break;
                    }
                }
            }
            sleep(PAUSE).await;
        }
        tally
    };
    let thread = std::thread::spawn(move || {
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime needs nothing that is not there").block_on(asking)
    });
    (thread, stop)
}

/// A slow upload, which sends a piece every second.
struct Trickle {
    upload: Upload,
    rate: u64,
    secs: u64,
    start: Instant,
}

impl Trickle {
    async fn run(self, subject: &Subject) -> Tally {
        let mut tally = Tally { connects: 1, ..Tally::default() };
        match self.send(subject).await {
            Ok(()) => {
                tally.requests = 1;
                tally.bytes = self.rate * self.secs;
                tally.uploads.push(self.upload);
            }
            Err(failure) => _ = tally.fail(&failure),
        }
        tally
    }

    async fn send(&self, subject: &Subject) -> Result<(), Failure> {
        sleep_until(self.start).await;
        let mut connection = subject.connection();
        let headers = upload::patch_headers(0);
        let request = Request::new("PATCH", &self.upload.path).headers(&headers);
        let body = upload::patch_body(&self.upload, 0, self.rate * self.secs);
        connection.send_part(request.body(body), 0).await?;
        for second in 0..self.secs {
            sleep_until(self.start + Duration::from_secs(second)).await;
            let span = Span { start: self.upload.content.start + second * self.rate, len: self.rate };
            connection.send_raw(&subject.payload().bytes(span)).await?;
        }
        let answer = connection.finish().await?.expecting(&[204])?;
        upload::check_offset(&answer, self.rate * self.secs)
    }
}
