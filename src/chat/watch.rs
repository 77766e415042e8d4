//! The end of a connection by the server: when its token expires, after which the client connects again with
//! a fresh one, or when too much waits for the client to read it.

use std::future::pending;
use std::sync::Arc;

use socketioxide::socket::Sid;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::expiry::Expiry;
use super::open::Engine;
use super::transport::Guest;

/// Closes the connection of this session when its token expires, or ends it when its client reads too slowly.
/// Dropping the guard ends the watch.
pub(super) fn watch(engine: &Engine, sid: Sid, guest: Option<&Arc<Guest>>, expiry: Expiry) -> DropGuard {
    let (engine, ended) = (engine.clone(), CancellationToken::new());
    let until_dropped = ended.clone().drop_guard();
    // The watch must not keep its own session alive.
    let over = guest.map(|guest| guest.backlog().over());
    tokio::spawn(async move {
        let is_too_slow = tokio::select! {
            () = ended.cancelled() => return,
            () = expiry.passed() => false,
            () = async { if let Some(over) = over { over.await } else { pending().await } } => true,
        };
        // Closing goes on even if the connection, and its watch with it, are gone meanwhile.
        let Some(socket) = engine.io.get_socket(sid) else { return };
        if is_too_slow {
            tracing::warn!(%sid, "a connection was too slow for what it was told, and ends");
            engine.transports.end(&socket).await;
        } else {
            tracing::debug!(%sid, "a connection's token has expired");
            engine.transports.close(&socket).await;
        }
    });
    until_dropped
}
