//! Connections: accepted within bounds, timed out while a client sends or reads nothing, closed gracefully.
//!
//! ```text
//! accepted ─► spoken: HTTP/1 or 2 ─► header ─► busy ─► resting ─► header ─► …
//!             └──── header timeout ────┘       send    keep-alive
//!                                              timeout timeout
//! ```

mod accept;
mod activity;
mod credit;
mod exchange;
mod frames;
mod framing;
mod holdings;
mod observed;
mod outgoing;
mod speak;
mod spoken;
mod streams;
mod watch;
mod windows;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::accept::{Accepted, accept};
#[cfg(fuzzing)]
pub use self::framing::fuzz_framing;
use self::speak::Protocols;
use self::spoken::spoken;
use super::Site;
use crate::refusals;

/// How long a client may send nothing or read nothing before its connection ends.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// Header timeout: from a request's first byte, or the connection's start, to the header's end.
    pub header: Duration,
    /// Keep-alive timeout: between two requests.
    pub keep_alive: Duration,
    /// Send timeout: until a client makes room for more of the answer that it is sent.
    pub send: Duration,
    /// Drain timeout: from the signal to end until requests in flight are cut off.
    pub drain: Duration,
}

/// The most connections at once, with those that became websockets and with HTTP/2 streams beside others.
#[derive(Debug, Clone, Copy)]
pub struct Connections(pub usize);

/// Serves the site until `ending` is cancelled, then waits up to the drain timeout for requests in flight.
pub async fn serve(
    listener: TcpListener,
    site: Site,
    most: Connections,
    timeouts: Timeouts,
    ending: CancellationToken,
) {
    let room = Arc::new(Semaphore::new(most.0));
    let connections = TaskTracker::new();
    let protocols = Arc::new(Protocols::new(site, timeouts, ending.clone(), Arc::clone(&room)));
    while let Some(accepted) = ending.run_until_cancelled(accept(&listener, &room, timeouts.send)).await {
        connections.spawn(hold(accepted, Arc::clone(&protocols), timeouts.header, ending.clone()));
    }
    drop(listener);
    connections.close();
    if tokio::time::timeout(timeouts.drain, connections.wait()).await.is_err() {
        tracing::warn!("requests in flight did not end in time");
    }
}

/// Serves one connection, from its first byte to its end.
async fn hold(accepted: Accepted, protocols: Arc<Protocols>, header: Duration, ending: CancellationToken) {
    let since = Instant::now();
    let spoken = tokio::select! {
        biased;
        spoken = spoken(&accepted.stream, header) => spoken,
        // A client that has sent nothing when the server ends loses no request.
        () = ending.cancelled() => None,
    };
    if let Some(spoken) = spoken
        && let Err(error) = protocols.speak(spoken, accepted, since).await
    {
        if error.is_parse() {
            refusals::not_http(&error.to_string());
        } else {
            tracing::debug!(%error, "a connection broke");
        }
    }
}
