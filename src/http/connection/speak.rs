//! Speaking HTTP on a connection: each request is answered by the site.

use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use futures_util::future::{Either, ready};
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1::UpgradeableConnection;
use hyper::server::conn::http2::Connection;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Timeouts;
use super::accept::Accepted;
use super::activity::{Activity, Phase};
use super::exchange::{AnswerPart, Exchange, RequestPart, Stream};
use super::framing::Framing;
use super::holdings::{Account, Holdings};
use super::observed::Observed;
use super::spoken::Spoken;
use super::streams::Streams;
use super::watch::Watch;
use super::wire::{Seen, Wire};
use crate::http::method_override::Overridden;
use crate::http::no_place::NoPlace;
use crate::http::{Peer, Site, request};

const MOST_STREAMS: u32 = 64;
/// The most bytes of a request's header over HTTP/2: room for the longest token and all of tus's headers.
/// Over HTTP/1 the library's buffer of some 400 KiB has room for them.
const HEADER_BYTES: u32 = 64 * 1024;
/// Size of an answer's pieces over HTTP/2: each piece that a client makes room for is progress.
const STREAM_PIECE: usize = 32 * 1024;
/// How often a client of HTTP/2 has to answer a ping, during requests and between them.
const PING_EVERY: Duration = Duration::from_secs(20);

/// The settings of each protocol, and the site that answers requests.
#[derive(Debug)]
pub(super) struct Protocols {
    site: Site,
    timeouts: Timeouts,
    ending: CancellationToken,
    http1: http1::Builder,
    /// The permits of connections. Concurrent HTTP/2 streams take some of them.
    room: Arc<Semaphore>,
    holdings: Arc<Holdings>,
}

impl Protocols {
    pub(super) fn new(
        site: Site,
        timeouts: Timeouts,
        ending: CancellationToken,
        room: Arc<Semaphore>,
    ) -> Self {
        let mut http1 = http1::Builder::new();
        // The library's header timeout would also count the rest between two requests.
        http1.timer(TokioTimer::new()).header_read_timeout(None).half_close(true);
        Self { site, timeouts, ending, http1, room, holdings: Arc::default() }
    }

    /// Answers the connection's requests until it ends, or until the server does and no request is in flight.
    pub(super) async fn speak(
        self: &Arc<Self>,
        spoken: Spoken,
        accepted: Accepted,
        since: Instant,
    ) -> hyper::Result<()> {
        let activity = Arc::new(Activity::default());
        let watch = Watch::new(Arc::clone(&activity), self.timeouts, since);
        let peer = accepted.stream.peer_addr().ok().map(|address| Peer::new(address.ip()));
        let protocols = Arc::clone(self);
        match spoken {
            Spoken::Http1 => {
                let wire =
                    TokioIo::new(Wire::new(accepted, Seen::Http1(Framing::new()), Arc::clone(&activity)));
                let service = service_fn(move |request: Request<Incoming>| {
                    answer(&protocols.site, peer, Exchange::begin(&activity, None), usize::MAX, request)
                });
                let connection = pin!(self.http1.serve_connection(wire, service).with_upgrades());
                drive(connection, watch, self.ending_of(spoken), UpgradeableConnection::graceful_shutdown)
                    .await
            }
            Spoken::Http2 => {
                let account = self.holdings.open();
                let end = account.end().clone();
                let observed = Box::new(Observed::new(Arc::clone(&account)));
                let wire = TokioIo::new(Wire::new(accepted, Seen::Http2(observed), Arc::clone(&activity)));
                let streams = Streams::new(self.timeouts.send);
                let running = streams.clone();
                let service = service_fn(move |mut request: Request<Incoming>| {
                    let exchange = protocols.begin_stream(&activity, &account, &mut request);
                    running.begins(&exchange);
                    answer(&protocols.site, peer, exchange, STREAM_PIECE, request)
                });
                // Boxed, because connections of HTTP/2 are few and large.
                let connection = pin!(Box::pin(http2(streams).serve_connection(wire, service)));
                let driven = drive(connection, watch, self.ending_of(spoken), |connection| {
                    Connection::graceful_shutdown(connection.get_mut().as_mut());
                });
                end.run_until_cancelled(driven).await.unwrap_or(Ok(()))
            }
        }
    }

    /// Begins the exchange of a stream. A stream uses its connection's permit if no other is in flight.
    /// Otherwise it takes one of its own, because each stream may keep a file open, as a connection may.
    fn begin_stream(
        &self,
        activity: &Arc<Activity>,
        account: &Arc<Account>,
        request: &mut Request<Incoming>,
    ) -> Arc<Exchange> {
        let place = activity.is_in_exchange().then(|| Arc::clone(&self.room).try_acquire_owned());
        if let Some(Err(_)) = place {
            request.extensions_mut().insert(NoPlace);
        }
        let place = place.and_then(Result::ok);
        Exchange::begin(activity, Some(Stream::new(Arc::clone(account), place)))
    }

    fn ending_of(&self, spoken: Spoken) -> Ending<'_> {
        Ending { token: &self.ending, waits_for_header: spoken == Spoken::Http1 }
    }
}

fn http2(streams: Streams) -> http2::Builder<Streams> {
    let mut http2 = http2::Builder::new(streams);
    http2
        .timer(TokioTimer::new())
        // Windows begin with 64 KiB, so little that is not read is held, and grow with what is read, so that
        // they fill a line with a long round trip: at 100 ms, 64 KiB allow only half a megabyte a second.
        .adaptive_window(true)
        .max_concurrent_streams(MOST_STREAMS)
        .max_header_list_size(HEADER_BYTES)
        .keep_alive_interval(PING_EVERY);
    http2
}

/// The end of the server, as one connection has to handle it.
#[derive(Debug, Clone, Copy)]
struct Ending<'a> {
    token: &'a CancellationToken,
    /// Whether a request whose header has begun would be lost if its header were not waited for. HTTP/2
    /// instead tells clients which of their requests were not processed.
    waits_for_header: bool,
}

/// Drives a connection until it ends. It is shut down gracefully when it rests for too long or the server
/// ends. It is cut when its client had to send something and did not, or does not react to the shutdown.
async fn drive<C: Future<Output = hyper::Result<()>>>(
    mut connection: Pin<&mut C>,
    mut watch: Watch,
    ending: Ending<'_>,
    shut_down: impl FnOnce(Pin<&mut C>),
) -> hyper::Result<()> {
    tokio::select! {
        // The connection is polled first, so that the watch knows what came.
        biased;
        ended = connection.as_mut() => return ended,
        () = ending.token.cancelled() => {}
        phase = watch.over() => match phase {
            Phase::Header | Phase::Busy => return Ok(()),
            Phase::Resting => watch.restart(),
        }
    }
    if ending.waits_for_header && ending.token.is_cancelled() {
        tokio::select! {
            biased;
            ended = connection.as_mut() => return ended,
            is_whole = watch.header() => if !is_whole { return Ok(()) },
        }
    }
    shut_down(connection.as_mut());
    tokio::select! {
        biased;
        ended = connection => ended,
        _ = watch.over() => Ok(()),
    }
}

/// Answers a request in pieces of at most `piece` bytes, as an exchange that lasts as long as either body.
fn answer(
    site: &Site,
    peer: Option<Peer>,
    exchange: Arc<Exchange>,
    piece: usize,
    request: Request<Incoming>,
) -> impl Future<Output = Result<Response<AnswerPart<Body>>, Infallible>> + use<> {
    let request = request.map(|body| RequestPart::new(body, &exchange));
    let (answered, overridden) = match request::prepare(request) {
        Ok((mut request, overridden)) => {
            if let Some(peer) = peer.filter(|_| site.is_about_session(&request)) {
                request.extensions_mut().insert(peer);
            }
            (Either::Left(site.answer(request)), overridden)
        }
        Err(refusal) => (Either::Right(ready(refusal.into_response())), Overridden::default()),
    };
    answered.map(move |mut response| {
        overridden.finish(&mut response);
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            exchange.upgrades();
        }
        Ok(response.map(|body| AnswerPart::new(body, exchange, piece)))
    })
}
