//! Connections: accepted within bounds, timed out while they say nothing, closed in good order.

use std::convert::Infallible;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use axum::response::Response;
use futures_util::FutureExt;
use futures_util::future::{Either, ready};
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1::UpgradeableConnection;
use hyper::server::conn::http2::Connection;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Site, request};

/// How long a connection may say nothing.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// Until a request's header is whole, the first byte of a connection included.
    pub header: Duration,
    /// After the signal to end, until requests in flight are cut off.
    pub drain: Duration,
}

/// How many connections there may be.
#[derive(Debug, Clone, Copy)]
pub struct Connections(pub usize);

/// HTTP/2 windows that fill a long line: with the usual 64 KiB a hundred milliseconds of round trip leave
/// half a megabyte a second.
const STREAM_WINDOW: u32 = 4 * 1024 * 1024;
const CONNECTION_WINDOW: u32 = 8 * 1024 * 1024;
const MOST_STREAMS: u32 = 64;
/// With it a connection begins that speaks HTTP/2 (RFC 9113 §3.4).
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const PEEK_PAUSE: Duration = Duration::from_millis(20);
/// After an error of accept(2), which is mostly a lack of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves the site until `ending` is cancelled, then lets requests in flight end, for so long.
pub async fn serve(
    listener: TcpListener,
    site: Site,
    most: Connections,
    timeouts: Timeouts,
    ending: CancellationToken,
) {
    let room = Arc::new(Semaphore::new(most.0));
    let connections = TaskTracker::new();
    let (site, protocols) = (Arc::new(site), Arc::new(Protocols::new(timeouts)));
    while let Some((stream, permit)) = ending.run_until_cancelled(accept(&listener, &room)).await {
        let (site, protocols, ending) = (Arc::clone(&site), Arc::clone(&protocols), ending.clone());
        connections.spawn(async move {
            if let Some(spoken) = spoken(&stream, timeouts.header).await
                && let Err(error) = protocols.speak(spoken, stream, site, &ending).await
            {
                tracing::debug!(%error, "a connection broke");
            }
            drop(permit);
        });
    }
    drop(listener);
    connections.close();
    if tokio::time::timeout(timeouts.drain, connections.wait()).await.is_err() {
        tracing::warn!("requests in flight did not end in time");
    }
}

async fn accept(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
) -> (TcpStream, tokio::sync::OwnedSemaphorePermit) {
    let permit = Arc::clone(room).acquire_owned().await.expect("the semaphore is never closed");
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Answers are small and somebody waits for them; without it they are only later.
                let _ = stream.set_nodelay(true);
                return (stream, permit);
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

/// What a connection speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spoken {
    Http1,
    Http2,
}

/// What a connection speaks, unless it says nothing in time. The header timeout begins only afterwards, so this wait
/// has its own: it ends when what was said is no longer a mere beginning of HTTP/2's preface.
async fn spoken(stream: &TcpStream, patience: Duration) -> Option<Spoken> {
    let speaks = async {
        let mut said = [0; PREFACE.len()];
        loop {
            match stream.peek(&mut said).await {
                Ok(0) | Err(_) => return None,
                Ok(count) if !PREFACE.starts_with(&said[..count]) => return Some(Spoken::Http1),
                Ok(count) if count == PREFACE.len() => return Some(Spoken::Http2),
                // What was peeked at stays readable, so waiting for more is looking again.
                Ok(_) => tokio::time::sleep(PEEK_PAUSE).await,
            }
        }
    };
    tokio::time::timeout(patience, speaks).await.ok().flatten()
}

/// How each of them is spoken.
#[derive(Debug)]
struct Protocols {
    http1: http1::Builder,
    http2: http2::Builder<TokioExecutor>,
}

impl Protocols {
    fn new(timeouts: Timeouts) -> Self {
        let mut http1 = http1::Builder::new();
        http1.timer(TokioTimer::new()).header_read_timeout(timeouts.header).half_close(true);
        let mut http2 = http2::Builder::new(TokioExecutor::new());
        http2
            .timer(TokioTimer::new())
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_concurrent_streams(MOST_STREAMS)
            .keep_alive_interval(Duration::from_secs(20));
        Self { http1, http2 }
    }

    /// Answers the connection's requests until it ends, or until `ending` is cancelled and no request is in flight.
    async fn speak(
        &self,
        spoken: Spoken,
        stream: TcpStream,
        site: Arc<Site>,
        ending: &CancellationToken,
    ) -> hyper::Result<()> {
        let (stream, service) = (TokioIo::new(stream), service_fn(move |request| answer(&site, request)));
        match spoken {
            Spoken::Http1 => {
                let connection = pin!(self.http1.serve_connection(stream, service).with_upgrades());
                drive(connection, ending, UpgradeableConnection::graceful_shutdown).await
            }
            Spoken::Http2 => {
                // There are few of them, and they are large.
                let connection = Box::pin(self.http2.serve_connection(stream, service));
                drive(pin!(connection), ending, |connection| {
                    Connection::graceful_shutdown(connection.get_mut().as_mut());
                })
                .await
            }
        }
    }
}

async fn drive<C: Future>(
    mut connection: Pin<&mut C>,
    ending: &CancellationToken,
    shut_down: impl FnOnce(Pin<&mut C>),
) -> C::Output {
    tokio::select! {
        ended = connection.as_mut() => return ended,
        () = ending.cancelled() => shut_down(connection.as_mut()),
    }
    connection.await
}

fn answer(
    site: &Site,
    request: Request<Incoming>,
) -> impl Future<Output = Result<Response, Infallible>> + use<> {
    match request::prepare(request) {
        Ok(request) => Either::Left(site.answer(request)),
        Err(response) => Either::Right(ready(*response)),
    }
    .map(Ok)
}
