//! Streams of HTTP/2, each with a send timeout beside that of the connection. A client may read some streams
//! and leave others, which is no reason to end the connection.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::rt::Executor;
use tokio::time::{Instant, Sleep, sleep_until};
use tracing::Instrument;

use super::exchange::Exchange;

/// The executor that runs the streams of one connection.
#[derive(Debug, Clone)]
pub(super) struct Streams {
    send: Duration,
    /// The exchange that began last. The library calls the service for a stream, then spawns the stream.
    last: Arc<Mutex<Option<Arc<Exchange>>>>,
}

impl Streams {
    /// An executor whose streams have this send timeout.
    pub(super) fn new(send: Duration) -> Self {
        Self { send, last: Arc::default() }
    }

    /// Records the exchange of the stream that is spawned next.
    pub(super) fn begins(&self, exchange: &Arc<Exchange>) {
        *self.last() = Some(Arc::clone(exchange));
    }

    fn last(&self) -> std::sync::MutexGuard<'_, Option<Arc<Exchange>>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Streams {
    fn execute(&self, stream: F) {
        match self.last().take() {
            Some(exchange) => tokio::spawn(run(stream, exchange, self.send).in_current_span()),
            None => tokio::spawn(stream),
        };
    }
}

/// Runs a stream until it ends or its client has made no room for too long. Dropping a stream resets it.
async fn run<F: Future<Output = ()>>(stream: F, exchange: Arc<Exchange>, send: Duration) {
    let mut stream = pin!(stream);
    let mut stall = Stall { exchange, send, piece: None, alarm: None };
    tokio::select! {
        // The stream is polled first, as it may ask for more.
        biased;
        () = stream.as_mut() => {}
        () = poll_fn(|context| stall.poll(context)) => {
            tracing::debug!("a stream was reset whose client does not read");
        }
    }
}

/// The send timeout of a stream, which runs while a piece waits for the client.
struct Stall {
    exchange: Arc<Exchange>,
    send: Duration,
    piece: Option<usize>,
    /// Created late, because few streams ever need one.
    alarm: Option<Pin<Box<Sleep>>>,
}

impl Stall {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let piece = self.exchange.waiting_piece();
        if piece.is_none() {
            self.piece = None;
            return Poll::Pending;
        }
        let end = Instant::now() + self.send;
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep_until(end)));
        if piece != self.piece {
            self.piece = piece;
            alarm.as_mut().reset(end);
        }
        alarm.as_mut().poll(context)
    }
}
