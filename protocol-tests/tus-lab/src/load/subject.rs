use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;

use super::client::{Connection, Request, Target};
use super::failure::Failure;
use super::meter::Meter;
use super::payload::{Comparison, Payload, Span};
use super::process::Watched;
use super::report::Report;
use super::tally::Tally;
use super::upload::{self, Upload};

/// How many connections create the uploads that a scenario needs before it starts.
const CREATORS: usize = 16;

/// How many uploads are read back and compared, at most.
const COMPARED: usize = 64;

/// How far the contents of two uploads lie apart in the pattern.
const STRIDE: u64 = 7_919;

/// The settings of a run: the server under load, and what is done with its uploads.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The URL of creation.
    pub endpoint: String,
    /// Further URLs of creation of the same service: connections go to all of them in turn.
    pub also: Vec<String>,
    /// Headers for every request.
    pub headers: Vec<(String, String)>,
    /// `Upload-Metadata` of every creation, encoded; empty for none.
    pub metadata: String,
    /// The server's processes, whose descendants count as well.
    pub pids: Vec<u32>,
    /// How long a request may take before it counts as failed.
    pub patience: Duration,
    /// Whether finished uploads are read back and compared.
    pub verify: bool,
    /// Whether the uploads are terminated in the end.
    pub clean_up: bool,
}

impl Settings {
    /// The settings for this URL, with defaults for all else.
    #[must_use]
    pub fn of(endpoint: impl Into<String>) -> Self {
        Self {
            endpoint: endpoint.into(),
            also: Vec::new(),
            headers: Vec::new(),
            metadata: String::new(),
            pids: Vec::new(),
            patience: Duration::from_secs(120),
            verify: false,
            clean_up: false,
        }
    }
}

/// The subject of a run: the server under load, and what every scenario needs to use it.
#[derive(Debug)]
pub(super) struct Subject {
    /// The addresses of the server.
    targets: Vec<Arc<Target>>,
    /// How many connections there were.
    turn: AtomicUsize,
    /// The header line of `Upload-Metadata`, or nothing.
    pub(super) metadata: String,
    pub(super) server: Watched,
    verify: bool,
    clean_up: bool,
}

impl Subject {
    pub(super) fn new(settings: &Settings) -> Result<Self, Failure> {
        let first = Target::new(&settings.endpoint, &settings.headers, settings.patience)?;
        let others: Vec<_> = settings.also.iter().map(|url| first.also_at(url)).collect::<Result<_, _>>()?;
        let metadata = match &settings.metadata {
            none if none.is_empty() => String::new(),
            pairs => format!("Upload-Metadata: {pairs}\r\n"),
        };
        Ok(Self {
            targets: [first].into_iter().chain(others).map(Arc::new).collect(),
            turn: AtomicUsize::new(0),
            metadata,
            server: Watched(settings.pids.clone()),
            verify: settings.verify,
            clean_up: settings.clean_up,
        })
    }

    /// A connection to the address whose turn it is.
    pub(super) fn connection(&self) -> Connection {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        Connection::new(&self.targets[turn % self.targets.len()])
    }

    /// The first address.
    pub(super) fn first(&self) -> &Arc<Target> {
        &self.targets[0]
    }

    /// The last address: another one than the first, if there are several.
    pub(super) fn last(&self) -> &Arc<Target> {
        &self.targets[self.targets.len() - 1]
    }

    pub(super) fn payload(&self) -> &Payload {
        &self.first().payload
    }

    /// Opens a connection for each of these, before any clock runs.
    pub(super) async fn lanes<T>(
        &self,
        of: impl IntoIterator<Item = T>,
    ) -> Result<Vec<(Connection, T)>, Failure> {
        let mut lanes = Vec::new();
        for one in of {
            let mut connection = self.connection();
            connection.open().await?;
            lanes.push((connection, one));
        }
        Ok(lanes)
    }

    pub(super) fn meter(&self) -> Meter {
        Meter::start(&self.server)
    }

    /// The content of an upload; each number has another one.
    pub(super) fn content(&self, number: u64, len: u64) -> Span {
        Span { start: number * STRIDE, len }
    }

    /// Creates this many uploads, before any clock runs.
    pub(super) async fn create(self: &Arc<Self>, count: u64, len: u64) -> Result<Vec<Upload>, Failure> {
        let mut workers = JoinSet::new();
        for first in (0..count).take(CREATORS) {
            let subject = Arc::clone(self);
            workers.spawn(async move {
                let mut connection = subject.connection();
                let mut uploads = Vec::new();
                for number in (first..count).step_by(CREATORS) {
                    let content = subject.content(number, len);
                    uploads.push(upload::create(&mut connection, content, &subject.metadata).await?);
                }
                Ok(uploads)
            });
        }
        let mut uploads = Vec::new();
        while let Some(made) = workers.join_next().await {
            uploads.extend(made.expect("a worker does not panic, and nobody cancels it")?);
        }
        Ok(uploads)
    }

    /// Compares and ends the uploads that a scenario made, as far as the settings want, and completes the
    /// report.
    pub(super) async fn conclude(&self, mut report: Report, tally: &Tally, made: &[Upload]) -> Report {
        if self.verify {
            for upload in tally.uploads.iter().take(COMPARED) {
                report.compared += 1;
                if let Err(failure) = self.compare(upload).await {
                    *report.failures.entry(failure.to_string()).or_default() += 1;
                }
            }
        }
        if self.clean_up {
            let mut connection = self.connection();
            for upload in made {
                // A server without termination keeps its uploads: its operator has to clean up.
                _ = upload::delete(&mut connection, &upload.path).await;
            }
        }
        report
    }

    async fn compare(&self, upload: &Upload) -> Result<(), Failure> {
        let mut comparison = Comparison::with(self.payload(), upload.content);
        let request = Request::new("GET", &upload.path);
        let answer = self.connection().send_into(request, |bytes| comparison.take(bytes)).await?;
        answer.expecting(&[200])?;
        if comparison.is_same() { Ok(()) } else { Err(Failure::new("what is read back differs")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_go_to_all_addresses_in_turn() {
        let [first, second, third] = [1, 2, 3].map(|port| format!("http://127.0.0.1:{port}/files"));
        let also = vec![second, third];
        let subject = Subject::new(&Settings { also, ..Settings::of(first) }).expect("these are URLs");
        let ports: Vec<_> = (0..4).map(|_| subject.connection().target.address.port()).collect();
        assert_eq!(ports, [1, 2, 3, 1]);
        assert_eq!((subject.first().address.port(), subject.last().address.port()), (1, 3));
    }
}
