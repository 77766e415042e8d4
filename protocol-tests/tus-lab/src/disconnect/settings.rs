use std::path::PathBuf;
use std::time::Duration;

use super::decision::RETRIES;
use super::shape::Shape;
use crate::conformance::Pattern;

/// How long tus-js-client waits before it tries again, the first time, the second time, ….
const DELAYS_MILLIS: [u32; RETRIES] = [0, 1000, 3000, 5000];

/// How long a client waits for an answer before it takes its connection for dead.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// How long a row may last.
pub(super) const BOUND: Duration = Duration::from_secs(120);

/// What is to be done.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The URL of creation.
    pub endpoint: String,
    /// Headers for every request.
    pub headers: Vec<(String, String)>,
    /// Keys and values of `Upload-Metadata`; `{row}` in a value becomes something that no other
    /// upload has.
    pub metadata: Vec<(String, String)>,
    /// How many bytes an upload has.
    pub shape: Shape,
    /// Which rows are to run, by their names: those that any of these matches.
    pub only: Vec<Pattern>,
    /// Where the server's files are, named by the ids of their uploads; they are read instead of
    /// asking with GET.
    pub folder: Option<PathBuf>,
    /// How many rows run at the same time.
    pub jobs: usize,
    /// By which factor the client's waits are longer than those of tus-js-client.
    pub delay_factor: f64,
}

impl Settings {
    /// The whole matrix, against this URL.
    #[must_use]
    pub fn of(endpoint: impl Into<String>) -> Self {
        Self {
            endpoint: endpoint.into(),
            headers: Vec::new(),
            metadata: Vec::new(),
            shape: Shape { size: 8 << 20 },
            only: vec![Pattern::new("*")],
            folder: None,
            jobs: 8,
            delay_factor: 1.0,
        }
    }

    /// How long the client waits when it waits for the so-manieth time in a row.
    pub(super) fn delay(&self, number: usize) -> Duration {
        let millis = DELAYS_MILLIS[number.min(RETRIES - 1)];
        Duration::from_secs_f64(f64::from(millis) / 1000.0 * self.delay_factor.clamp(0.0, 1000.0))
    }
}
