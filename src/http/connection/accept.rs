//! Taking connections, as many as there is room for.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustix::net::sockopt::set_tcp_user_timeout;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::metrics::{self, Counted};

/// After an error of accept(2), which is mostly a lack of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A connection, and the room that it takes until it is dropped.
#[derive(Debug)]
pub(super) struct Accepted {
    pub(super) stream: TcpStream,
    pub(super) place: Place,
}

/// A place among all connections.
#[derive(Debug)]
pub(super) struct Place {
    _permit: OwnedSemaphorePermit,
    _counted: Counted,
}

/// The next connection, once there is room for it.
///
/// Its client has `send` to take in what it is sent: of that the kernel keeps account, because it alone sees a slow
/// client make progress. A socket is writable again only when a third of its buffer is free, which a phone on a bad
/// line may need minutes for, while it reads all the time.
pub(super) async fn accept(listener: &TcpListener, room: &Arc<Semaphore>, send: Duration) -> Accepted {
    let permit = Arc::clone(room).acquire_owned().await.expect("the semaphore is never closed");
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Answers are small and somebody waits for them; without it they are only later.
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
