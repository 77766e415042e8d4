//! What a deployment may set of its sockets, and where they are.

use std::time::Duration;

use crate::links::Presenter;

/// Where clients connect to.
pub const PATH: &str = "/socket.io";

/// What a deployment may set; [`Settings::default`] is what clients have been promised.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The most bytes of one incoming packet, over either transport. 50 MiB.
    pub max_payload_bytes: usize,
    /// Between two pings. 25 s.
    pub ping_interval: Duration,
    /// How long a ping may stay unanswered, for clients whose line is full with an upload. 60 s.
    pub ping_timeout: Duration,
    /// How long a connection may take to present its token. 10 s.
    pub connect_timeout: Duration,
    /// How messages are given to members: without a path before their media, and without links.
    pub presenter: Presenter,
    /// How long the body of a poll's POST may say nothing. 30 s.
    pub body_idle: Duration,
    /// Whether `X-Forwarded-For` is to be believed.
    pub trust_forwarded: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_payload_bytes: 50 * 1024 * 1024,
            ping_interval: Duration::from_secs(25),
            ping_timeout: Duration::from_secs(60),
            connect_timeout: Duration::from_secs(10),
            body_idle: Duration::from_secs(30),
            trust_forwarded: false,
            presenter: Presenter::default(),
        }
    }
}
