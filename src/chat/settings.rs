//! The settings of the sockets, and the path where clients find them.

use std::time::Duration;

use crate::links::Presenter;

/// The path that clients connect to.
pub const PATH: &str = "/socket.io";

/// The settings of a deployment; [`Settings::default`] is what clients have been promised.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The most bytes of one incoming packet, over either transport. 50 MiB.
    pub max_payload_bytes: usize,
    /// The time between two pings. 25 s.
    pub ping_interval: Duration,
    /// How long a ping may stay unanswered: long, for clients whose line is full with an upload. 60 s.
    pub ping_timeout: Duration,
    /// How long a client may take to present its token. 10 s.
    pub connect_timeout: Duration,
    /// How messages are given to members. By default media have no path prefix and no links.
    pub presenter: Presenter,
    /// How long the body of a polling POST may be silent. 30 s.
    pub body_idle: Duration,
    /// Whether `X-Forwarded-For` is believed.
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
