use std::io;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::chance::Chance;
use harness::http::{Request, Response};

/// How long a client waits for an answer, before it asks another node. A node that is stopped gives none.
const PATIENCE: Duration = Duration::from_secs(12);

/// The way to several nodes: each request goes to any of them, or to the balancer.
#[derive(Debug)]
pub(super) struct Nodes {
    addresses: Vec<SocketAddr>,
    chance: Mutex<Chance>,
}

impl Nodes {
    pub(super) fn at(addresses: Vec<SocketAddr>, chance: Chance) -> Self {
        Self { addresses, chance: Mutex::new(chance) }
    }

    /// Sends a request to one of the nodes.
    ///
    /// # Errors
    /// When there was no answer in time.
    pub(super) async fn send(&self, request: Request) -> io::Result<Response> {
        let address = self.chance.lock().unwrap_or_else(PoisonError::into_inner).one_of(&self.addresses);
        match tokio::time::timeout(PATIENCE, request.to(address).try_send()).await {
            Ok(answer) => answer,
            Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, format!("{address} does not answer"))),
        }
    }
}
