use std::path::PathBuf;
use std::time::Duration;

use super::decision::RETRIES;
use super::shape::Shape;
use crate::conformance::Pattern;

/// How long tus-js-client waits before its first, second, … retry.
const DELAYS_MILLIS: [u32; RETRIES] = [0, 1000, 3000, 5000];

/// How long a client waits for an answer before it counts its connection as dead.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// How long a row may last.
pub(super) const BOUND: Duration = Duration::from_secs(120);

/// The settings of a run.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The URL of creation.
    pub endpoint: String,
    /// Headers for every request.
    pub headers: Vec<(String, String)>,
    /// Keys and values of `Upload-Metadata`; `{row}` in a value becomes something that no other
    /// upload has.
    pub metadata: Vec<(String, String)>,
    /// The size of an upload.
    pub shape: Shape,
    /// The rows to run: those whose names any of these patterns matches.
    pub only: Vec<Pattern>,
    /// The folder of the server's files, named by the ids of their uploads. If it is given, they are read
    /// instead of sending GET.
    pub folder: Option<PathBuf>,
    /// How many rows run at the same time.
    pub jobs: usize,
    /// The factor by which the client's waits differ from those of tus-js-client.
    pub delay_factor: f64,
}

impl Settings {
    /// The settings to run the whole matrix against this URL.
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

    /// How long the client's n-th wait in a row is.
    pub(super) fn delay(&self, number: usize) -> Duration {
        let millis = DELAYS_MILLIS[number.min(RETRIES - 1)];
        Duration::from_secs_f64(f64::from(millis) / 1000.0 * self.delay_factor.clamp(0.0, 1000.0))
    }
}
