use std::time::Duration;

use super::event::Observer;
use super::recurring::Recurring;
use super::step::Step;

/// The conditions of a network.
#[derive(Debug, Clone)]
pub struct Conditions {
    /// The planned troubles: after how many bytes from the clients, over all connections, which step comes.
    pub up: Vec<(u64, Step)>,
    /// The planned troubles by the bytes from the server.
    pub down: Vec<(u64, Step)>,
    /// Recurring troubles, by the bytes from the clients or by time.
    pub recurring: Option<Recurring>,
    /// The bandwidth towards the server, if it is limited; all connections share it.
    pub up_bytes_per_sec: Option<u64>,
    /// The bandwidth towards the clients, if it is limited; all connections share it.
    pub down_bytes_per_sec: Option<u64>,
    /// How long a byte is on its way, each way.
    pub latency: Duration,
    /// The observer, which is told of every event.
    pub observer: Observer,
}

/// A network without any trouble.
impl Default for Conditions {
    fn default() -> Self {
        Self {
            up: Vec::new(),
            down: Vec::new(),
            recurring: None,
            up_bytes_per_sec: None,
            down_bytes_per_sec: None,
            latency: Duration::ZERO,
            observer: Observer::nobody(),
        }
    }
}
