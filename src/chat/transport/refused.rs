//! The refusal of a connection, with `data` beside its message. The library sends a message and nothing else,
//! so its packet is replaced by a longer one in what is written to a session without a user.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll, ready};

use axum::body::Body;
use axum::response::Response;
use bytes::{Buf, Bytes};
use http_body_util::BodyExt;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::guests::Guest;
use crate::http::error::Code;

/// The message of `connect_error` without a valid token.
pub(in crate::chat) const UNAUTHORIZED: &str = "Unauthorized";
/// The message of `connect_error` for a user with the most sessions allowed.
pub(in crate::chat) const TOO_MANY_SESSIONS: &str = "Too many sessions";

/// Each refusal: the library's packet, and the one that replaces it.
static PACKETS: LazyLock<[[String; 2]; 2]> = LazyLock::new(|| {
    let too_many = "The user has too many sessions";
    [
        (UNAUTHORIZED, "Missing or invalid access token", Code::Unauthorized),
        (TOO_MANY_SESSIONS, too_many, Code::TooManySessions),
    ]
    .map(|(message, detail, code)| {
        let data = serde_json::json!({"detail": detail, "code": code});
        [format!(r#"44{{"message":"{message}"}}"#), format!(r#"44{{"message":"{message}","data":{data}}}"#)]
    })
});
/// Each refusal as frames of a WebSocket: the library's, and the one that replaces it.
static FRAMES: LazyLock<[[Bytes; 2]; 2]> =
    LazyLock::new(|| PACKETS.each_ref().map(|packets| packets.each_ref().map(|packet| frame(packet))));

/// A server's frame of a short text (RFC 6455 §5.2).
fn frame(text: &str) -> Bytes {
    let length = u8::try_from(text.len()).ok().filter(|length| *length < 126);
    let head = [0x81, length.expect("the refusal is short")];
    [&head[..], text.as_bytes()].concat().into()
}

/// Replaces a refusal in the answer to a poll.
pub(super) async fn explained(guest: &Guest, answer: Response) -> Response {
    if !guest.is_stranger() {
        return answer;
    }
    let (mut parts, body) = answer.into_parts();
    let Ok(body) = body.collect().await else { return Response::from_parts(parts, Body::empty()) };
    let body = body.to_bytes();
    let text = std::str::from_utf8(&body).unwrap_or_default();
    let refusal = PACKETS.iter().find(|[said, _]| text.contains(said.as_str()));
    let Some([said, instead]) = refusal else { return Response::from_parts(parts, Body::from(body)) };
    parts.headers.remove(axum::http::header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(text.replace(said.as_str(), instead)))
}

/// A WebSocket's stream in which a refusal is replaced.
pub(super) struct Explained<S> {
    stream: S,
    guest: Arc<Guest>,
    /// While a refusal is replaced: the length of the library's frame, and what is still to be written
    /// instead.
    left: Option<(usize, Bytes)>,
}

impl<S> Explained<S> {
    pub(super) fn new(stream: S, guest: Arc<Guest>) -> Self {
        Self { stream, guest, left: None }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Explained<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Explained<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let Self { stream, guest, left } = &mut *self;
        // The library hands over a whole frame, and later again the part that was not taken.
        if left.is_none() && guest.is_stranger() {
            match refusal_in(bytes) {
                Some((0, [said, instead])) => *left = Some((said.len(), instead.clone())),
                Some((at, _)) => return Pin::new(stream).poll_write(context, &bytes[..at]),
                None => {}
            }
        }
        let Some((said, refusal)) = left else { return Pin::new(stream).poll_write(context, bytes) };
        while refusal.has_remaining() {
            match ready!(Pin::new(&mut *stream).poll_write(context, refusal))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => refusal.advance(written),
            }
        }
        let said = *said;
        *left = None;
        Poll::Ready(Ok(said))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl<S> fmt::Debug for Explained<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Explained")
    }
}

/// The first refusal in these bytes, and where it is.
fn refusal_in(bytes: &[u8]) -> Option<(usize, &'static [Bytes; 2])> {
    let place = |said: &Bytes| bytes.windows(said.len()).position(|window| window == said);
    FRAMES.iter().filter_map(|frames| Some((place(&frames[0])?, frames))).min_by_key(|(at, _)| *at)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::super::guests::Guests;
    use super::*;

    #[tokio::test]
    async fn a_refusal_says_why_whatever_is_around_it_and_however_slowly_it_is_read() {
        let around = [("", ""), ("\u{1}2", ""), ("", "\u{1}3"), ("ab", "cd")];
        let each = FRAMES.iter().flat_map(|frames| around.map(|around| (frames, around)));
        for ([said, instead], (before, after)) in each {
            for room in [1, 7, 1000] {
                let (near, mut far) = tokio::io::duplex(room);
                let mut near = Explained::new(near, Guests::default().enter(&[]).expect("room"));
                let bytes = [before.as_bytes(), said, after.as_bytes()].concat();
                let writing = tokio::spawn(async move { near.write_all(&bytes).await });
                let mut read = Vec::new();
                far.read_to_end(&mut read).await.expect("the end");
                writing.await.expect("no panic").expect("written");
                assert_eq!(read, [before.as_bytes(), instead, after.as_bytes()].concat());
            }
        }
    }
}
