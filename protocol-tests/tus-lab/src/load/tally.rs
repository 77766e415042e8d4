use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::failure::Failure;
use super::upload::Upload;

/// After this many failures a worker gives up: the rest would fail as well.
const TOO_MANY: u64 = 200;

/// A worker's counts, and the uploads that it made.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) requests: u64,
    pub(super) bytes: u64,
    pub(super) connects: u64,
    pub(super) latencies_micros: Vec<u32>,
    pub(super) failures: BTreeMap<String, u64>,
    pub(super) uploads: Vec<Upload>,
}

impl Tally {
    /// Counts a request that began at `started` and sent this many bytes.
    pub(super) fn note(&mut self, started: Instant, bytes: u64) {
        self.note_time(started.elapsed(), bytes);
    }

    pub(super) fn note_time(&mut self, took: Duration, bytes: u64) {
        self.latencies_micros.push(micros(took));
        self.requests += 1;
        self.bytes += bytes;
    }

    /// Counts a failure; true while going on makes sense.
    pub(super) fn fail(&mut self, failure: &Failure) -> bool {
        *self.failures.entry(failure.to_string()).or_default() += 1;
        self.failures.values().sum::<u64>() <= TOO_MANY
    }

    pub(super) fn add(&mut self, other: Self) {
        self.requests += other.requests;
        self.bytes += other.bytes;
        self.connects += other.connects;
        self.latencies_micros.extend(other.latencies_micros);
        self.uploads.extend(other.uploads);
        for (failure, count) in other.failures {
            *self.failures.entry(failure).or_default() += count;
        }
    }

    /// Waits for all workers, and adds their tallies up.
    pub(super) async fn of(mut workers: JoinSet<Self>) -> Self {
        let mut all = Self::default();
        while let Some(joined) = workers.join_next().await {
            all.add(joined.expect("a worker does not panic, and nobody cancels it"));
        }
        all
    }
}

pub(super) fn micros(duration: Duration) -> u32 {
    u32::try_from(duration.as_micros()).unwrap_or(u32::MAX)
}
