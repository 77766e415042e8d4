//! Accepting connections, each of which takes a permit first.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustix::net::sockopt::set_tcp_user_timeout;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::metrics::{self, Counted};

/// Pause after an error of accept(2), which is mostly a lack of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A connection, and the permit that it holds until it is dropped.
#[derive(Debug)]
pub(super) struct Accepted {
    pub(super) stream: TcpStream,
    pub(super) place: Place,
}

/// A connection's permit among all connections.
#[derive(Debug)]
pub(super) struct Place {
    _permit: OwnedSemaphorePermit,
    _counted: Counted,
}

/// Waits for a permit, then accepts the next connection.
///
/// The client has `send` to take in what it is sent. The kernel keeps this timeout, because only the kernel
/// sees a slow client make progress: a socket is writable again only when a third of its buffer is free,
/// which may take a phone on a bad line minutes although it reads all the time.
pub(super) async fn accept(listener: &TcpListener, room: &Arc<Semaphore>, send: Duration) -> Accepted {
    let permit = Arc::clone(room).acquire_owned().await.expect("the semaphore is never closed");
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Answers are small and clients wait for them. If this fails, answers only arrive later.
                let _ = stream.set_nodelay(true);
                let send_millis = u32::try_from(send.as_millis()).unwrap_or(u32::MAX);
                if let Err(error) = set_tcp_user_timeout(&stream, send_millis) {
                    tracing::debug!(%error, "a connection without a send timeout");
                }
                let counted = Counted::by(&metrics::get().connections);
                return Accepted { stream, place: Place { _permit: permit, _counted: counted } };
            }
            Err(error) => pause_after(&error).await,
        }
    }
}

async fn pause_after(error: &io::Error) {
    if !matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset) {
        tracing::error!(%error, "accepting failed");
        tokio::time::sleep(ACCEPT_PAUSE).await;
    }
}
