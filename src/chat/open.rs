//! The Socket.IO engine: its limits, its beginning and its end.
//!
//! ```text
//! open ─► serve ─► finish: messages in the making get made, nothing new is taken ─► close
//! ```

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use socketioxide::{ParserConfig, SocketIo};
use tokio_util::task::TaskTracker;

use super::backlog::{LEAST_BYTES, SESSION_BYTES};
use super::leftovers::Leftovers;
use super::session::{NAMESPACE, Session};
use super::settings::{PATH, Settings};
use super::transport::Transports;
use crate::links::Presenter;

/// The most packets that wait for one connection in the library. Half of them are for events, which are
/// bounded by their bytes ([`backlog`](super::backlog)) to that number; the rest are the library's own.
const OUTGOING_PACKETS: usize = 2 * (SESSION_BYTES / LEAST_BYTES);

/// How long closing waits for connections.
const CLOSE_WAIT: Duration = Duration::from_secs(1);

/// A Socket.IO engine and whether it has been closed.
#[derive(Clone)]
pub struct Engine {
    pub(super) io: SocketIo,
    pub(super) transports: Transports,
    pub(super) leftovers: Arc<Leftovers>,
    /// How messages are given to clients. One event goes to all connections of a user, so it cannot contain
    /// the path prefix that a proxy removed for one of them.
    pub(super) presenter: Presenter,
    /// Messages in the making, of all connections.
    pub(super) work: TaskTracker,
    closed: Arc<AtomicBool>,
}

impl Engine {
    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("closed", &self.closed).finish_non_exhaustive()
    }
}

/// Opens an engine that refuses every connection until [`serve`](super::serve) is called, and the transports
/// that answer its requests beside a router. CORS belongs outside of them.
pub fn open(settings: Settings) -> (Transports, Engine) {
    let limit = settings.max_payload_bytes;
    // Each transport and the parser have a limit of their own; the lowest one counts.
    // `with_config` would be overwritten by what the builder holds.
    let (service, io) = SocketIo::builder()
        .req_path(PATH)
        .max_payload(u64::try_from(limit).unwrap_or(u64::MAX))
        .ws_max_message_size(limit)
        .ws_max_frame_size(limit)
        .with_parser(ParserConfig::common().max_incoming_binary_buf_size(limit))
        .ping_interval(settings.ping_interval)
        .ping_timeout(settings.ping_timeout)
        .connect_timeout(settings.connect_timeout)
        .max_buffer_size(OUTGOING_PACKETS)
        .build_with_inner_svc(Router::new());
    let transports = Transports::new(service, settings.clone());
    let engine = Engine {
        io,
        transports: transports.clone(),
        leftovers: Arc::default(),
        presenter: settings.presenter,
        work: TaskTracker::new(),
        closed: Arc::default(),
    };
    (transports, engine)
}

/// Waits, at most this long, for the messages in the making. Connections without any are closed at once:
/// their clients go to the next server, so that what they send meanwhile is not refused by this one.
pub async fn finish(engine: &Engine, patience: Duration) {
    for socket in engine.io.of(NAMESPACE).map(|namespace| namespace.sockets()).unwrap_or_default() {
        let session = socket.extensions.get::<Arc<Session>>();
        if !session.is_some_and(|session| session.is_at_work()) {
            let transports = engine.transports.clone();
            tokio::spawn(async move { transports.close(&socket).await });
        }
    }
    engine.work.close();
    if tokio::time::timeout(patience, engine.work.wait()).await.is_err() {
        tracing::warn!("messages sent over sockets were not made in time");
    }
}

/// Closes every connection's transport while the engine goes on: their clients connect again at once.
pub(super) fn part(engine: &Engine) {
    for socket in engine.io.of(NAMESPACE).map(|namespace| namespace.sockets()).unwrap_or_default() {
        let transports = engine.transports.clone();
        tokio::spawn(async move { transports.close(&socket).await });
    }
}

/// Closes every connection's transport, so that clients reconnect by themselves. Disconnecting their sockets
/// instead would tell them to stay away.
pub async fn close(engine: &Engine) {
    engine.closed.store(true, Ordering::Release);
    // A write to a client that does not read never ends.
    if tokio::time::timeout(CLOSE_WAIT, engine.io.close()).await.is_err() {
        tracing::debug!("connections that do not read are left to the end of the process");
    }
}
