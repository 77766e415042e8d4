//! Connections: accepted within bounds, timed out while they say nothing, closed in good order.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::http::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

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
    let graceful = GracefulShutdown::new();
    let (site, builder) = (Arc::new(site), Arc::new(builder(timeouts)));
    while let Some((stream, permit)) = ending.run_until_cancelled(accept(&listener, &room)).await {
        let (site, builder, watcher) = (Arc::clone(&site), Arc::clone(&builder), graceful.watcher());
        tokio::spawn(async move {
            if says_something(&stream, timeouts.header).await {
                let service = service_fn(move |request| answer(Arc::clone(&site), request));
                let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
                if let Err(error) = watcher.watch(connection.into_owned()).await {
                    tracing::debug!(%error, "a connection broke");
                }
            }
            drop(permit);
        });
    }
    drop(listener);
    if tokio::time::timeout(timeouts.drain, graceful.shutdown()).await.is_err() {
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

/// The header timeout begins once it is known which HTTP is spoken, so the wait for that has its own: it ends
/// when what was said is no longer a mere beginning of HTTP/2's preface.
async fn says_something(stream: &TcpStream, patience: Duration) -> bool {
    let speaks = async {
        let mut said = [0; PREFACE.len()];
        loop {
            match stream.peek(&mut said).await {
                Ok(0) | Err(_) => return false,
                Ok(count) if count == PREFACE.len() || !PREFACE.starts_with(&said[..count]) => return true,
                // What was peeked at stays readable, so waiting for more is looking again.
                Ok(_) => tokio::time::sleep(PEEK_PAUSE).await,
            }
        }
    };
    tokio::time::timeout(patience, speaks).await.unwrap_or(false)
}

fn builder(timeouts: Timeouts) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(timeouts.header).half_close(true);
    builder
        .http2()
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_concurrent_streams(MOST_STREAMS)
        .keep_alive_interval(Duration::from_secs(20));
    builder
}

async fn answer(site: Arc<Site>, request: Request<Incoming>) -> Result<Response, Infallible> {
    Ok(match request::prepare(request) {
        Ok(request) => site.answer(request).await,
        Err(response) => *response,
    })
}
