//! A request and its answer, from the header's end until nothing of either is left.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::sync::OwnedSemaphorePermit;

use super::activity::Activity;
use super::holdings::Account;
use super::outgoing::Outgoing;

/// A request and its answer. The bodies of both keep it alive.
#[derive(Debug)]
pub(super) struct Exchange {
    activity: Arc<Activity>,
    /// How many pieces of the answer's body the HTTP library has taken.
    pieces: AtomicUsize,
    /// Whether the library has taken a piece and not asked for another since.
    waits_for_client: AtomicBool,
    stream: Option<Stream>,
}

/// The account and the permit of an exchange that shares its connection with others (HTTP/2).
#[derive(Debug)]
pub(super) struct Stream {
    /// The connection's account.
    account: Arc<Account>,
    _place: Option<OwnedSemaphorePermit>,
}

impl Stream {
    /// A stream on its connection's account, with a permit of its own unless it uses that of its connection.
    pub(super) fn new(account: Arc<Account>, place: Option<OwnedSemaphorePermit>) -> Self {
        Self { account, _place: place }
    }
}

impl Exchange {
    /// Begins an exchange on a connection.
    pub(super) fn begin(activity: &Arc<Activity>, stream: Option<Stream>) -> Arc<Self> {
        activity.begin_exchange();
        let (pieces, waits_for_client) = (AtomicUsize::new(0), AtomicBool::new(false));
        Arc::new(Self { activity: Arc::clone(activity), pieces, waits_for_client, stream })
    }

    /// Records that the answer switches the connection to another protocol.
    pub(super) fn upgrades(&self) {
        self.activity.upgraded();
    }

    /// The number of the piece that waits for the client to make room, if one does.
    pub(super) fn waiting_piece(&self) -> Option<usize> {
        self.waits_for_client.load(Ordering::Acquire).then(|| self.pieces.load(Ordering::Acquire))
    }

    fn asked(&self) {
        self.waits_for_client.store(false, Ordering::Release);
    }

    /// Counts an HTTP/2 answer's data on the connection's account until the data is dropped.
    fn on_account(&self, data: Bytes) -> Bytes {
        match &self.stream {
            Some(stream) => stream.account.held(data),
            None => data,
        }
    }

    fn taken(&self) {
        self.pieces.fetch_add(1, Ordering::AcqRel);
        self.waits_for_client.store(true, Ordering::Release);
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.activity.end_exchange();
    }
}

/// The body of a request, which keeps its exchange alive.
#[derive(Debug)]
pub(super) struct RequestPart<B> {
    // Fields are dropped in this order, so what a body does on drop is still part of the exchange.
    body: B,
    _exchange: Arc<Exchange>,
}

impl<B> RequestPart<B> {
    pub(super) fn new(body: B, exchange: &Arc<Exchange>) -> Self {
        Self { body, _exchange: Arc::clone(exchange) }
    }
}

impl<B: HttpBody<Data = Bytes> + Unpin> HttpBody for RequestPart<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The body of an answer, which records whether the server or the client has to act next.
#[derive(Debug)]
pub(super) struct AnswerPart<B> {
    body: B,
    exchange: Arc<Exchange>,
    most: usize,
    /// The rest of data that was larger than a piece.
    left: Bytes,
    outgoing: Outgoing,
}

impl<B> AnswerPart<B> {
    /// An answer's body in pieces of at most `most` bytes: progress is seen from piece to piece.
    pub(super) fn new(body: B, exchange: Arc<Exchange>, most: usize) -> Self {
        Self { body, exchange, most, left: Bytes::new(), outgoing: Outgoing::default() }
    }

    fn piece(&mut self, data: Bytes) -> Frame<Bytes> {
        self.exchange.taken();
        self.left = data;
        Frame::data(self.left.split_to(self.left.len().min(self.most)))
    }
}

impl<B: HttpBody<Data = Bytes> + Unpin> HttpBody for AnswerPart<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        if !self.left.is_empty() {
            let data = std::mem::take(&mut self.left);
            return Poll::Ready(Some(Ok(self.piece(data))));
        }
        ready!(self.outgoing.poll_gone(context));
        self.exchange.asked();
        Pin::new(&mut self.body).poll_frame(context).map_ok(|frame| match frame.into_data() {
            Ok(data) => {
                let data = self.outgoing.goes(self.exchange.on_account(data));
                self.piece(data)
            }
            Err(other) => other,
        })
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let left = u64::try_from(self.left.len()).unwrap_or(u64::MAX);
        let mut hint = self.body.size_hint();
        if left > 0 {
            if let Some(upper) = hint.upper() {
                hint.set_upper(upper.saturating_add(left));
            }
            hint.set_lower(hint.lower().saturating_add(left));
        }
        hint
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use http_body_util::{BodyExt, Full, StreamBody};
    use std::convert::Infallible;

    use super::*;

    #[tokio::test]
    async fn an_answer_comes_whole_in_pieces_of_the_size() {
        let exchange = Exchange::begin(&Arc::default(), None);
        let mut body = AnswerPart::new(Full::new(Bytes::from_static(b"abcde")), exchange, 2);
        let mut pieces = Vec::new();
        for left in [5, 3, 1] {
            assert_eq!(body.size_hint().exact(), Some(left));
            assert!(!body.is_end_stream());
            pieces.push(body.frame().await.expect("more").expect("whole").into_data().expect("data"));
        }
        assert_eq!(pieces, ["ab", "cd", "e"]);
        assert!(body.is_end_stream());
    }

    #[tokio::test]
    async fn a_piece_waits_for_the_client_until_the_next_is_asked_for() {
        let exchange = Exchange::begin(&Arc::default(), None);
        let pieces = stream::iter(["abc", "d"].map(|piece| Ok::<_, Infallible>(Frame::data(piece.into()))));
        let slow = futures_util::StreamExt::chain(pieces, stream::pending());
        let mut body = AnswerPart::new(StreamBody::new(slow), Arc::clone(&exchange), 2);
        assert_eq!(exchange.waiting_piece(), None, "nothing was sent");
        for number in 1..=3 {
            body.frame().await.expect("more").expect("whole");
            assert_eq!(exchange.waiting_piece(), Some(number));
        }
        assert!(futures_util::poll!(body.frame()).is_pending());
        assert_eq!(exchange.waiting_piece(), None, "the next piece is ours to bring");
    }
}
