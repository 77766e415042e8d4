//! The answer to a poll, whose events count as waiting until the client has read them.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt;

use super::super::backlog::{Backlog, Reading, TooSlow};
use super::packets::events_in;

/// How many bytes are handed to the connection at a time. Once the last piece is, the answer counts no more.
const PIECE: usize = 16 * 1024;

/// The body of an answer, which breaks off when its session ends.
struct Polled(Reading);

/// Counts the events in the answer as waiting until the client has read them.
pub(super) async fn counted(backlog: &Backlog, answer: Response) -> Response {
    let (parts, body) = answer.into_parts();
    // The library has the whole answer in memory already.
    let Ok(body) = body.collect().await else { return Response::from_parts(parts, Body::empty()) };
    let body = body.to_bytes();
    let body = match events_in(&body) {
        0 => Body::from(body),
        events => Body::new(Polled(backlog.answer(body, events))),
    };
    Response::from_parts(parts, body)
}

impl HttpBody for Polled {
    type Data = Bytes;
    type Error = TooSlow;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, TooSlow>>> {
        Poll::Ready(match self.0.next(PIECE) {
            Ok(piece) if piece.is_empty() => None,
            piece => Some(piece.map(Frame::data)),
        })
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(u64::try_from(self.0.left()).unwrap_or(u64::MAX))
    }
}

impl fmt::Debug for Polled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Polled")
    }
}
