//! The refusal of a connection, with `data` beside its message: the library sends a message and nothing else, so what
//! says the same and more is put in its place, where a session that has no user yet is written to.

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

/// What a client reads as the message of `connect_error`.
pub(in crate::chat) const UNAUTHORIZED: &str = "Unauthorized";

/// The packet of the library, and the one in its place.
static PACKETS: LazyLock<[String; 2]> = LazyLock::new(|| {
    let data = serde_json::json!({"detail": "Missing or invalid access token", "code": Code::Unauthorized});
    [
        format!(r#"44{{"message":"{UNAUTHORIZED}"}}"#),
        format!(r#"44{{"message":"{UNAUTHORIZED}","data":{data}}}"#),
    ]
});
/// The same as frames of a WebSocket.
static FRAMES: LazyLock<[Bytes; 2]> = LazyLock::new(|| PACKETS.each_ref().map(|packet| frame(packet)));

/// A server's frame of a short text (RFC 6455 §5.2).
fn frame(text: &str) -> Bytes {
    let length = u8::try_from(text.len()).ok().filter(|length| *length < 126);
    let head = [0x81, length.expect("the refusal is short")];
    [&head[..], text.as_bytes()].concat().into()
}

/// The answer to a poll of a session.
pub(super) async fn explained(guest: &Guest, answer: Response) -> Response {
    if !guest.is_stranger() {
        return answer;
    }
    let (mut parts, body) = answer.into_parts();
    let Ok(body) = body.collect().await else { return Response::from_parts(parts, Body::empty()) };
    let [said, instead] = &*PACKETS;
    let body = body.to_bytes();
    match std::str::from_utf8(&body) {
        Ok(text) if text.contains(said.as_str()) => {
            parts.headers.remove(axum::http::header::CONTENT_LENGTH);
            Response::from_parts(parts, Body::from(text.replace(said.as_str(), instead)))
        }
        _ => Response::from_parts(parts, Body::from(body)),
    }
}

/// The stream of a WebSocket.
pub(super) struct Explained<S> {
    stream: S,
    guest: Arc<Guest>,
    /// Of a refusal, what is still to be written.
    left: Option<Bytes>,
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
        let [said, instead] = &*FRAMES;
        // The library hands a frame over whole, and again what was not taken of it.
        if left.is_none() && guest.is_stranger() {
            match bytes.windows(said.len()).position(|window| window == said) {
                Some(0) => *left = Some(instead.clone()),
                Some(at) => return Pin::new(stream).poll_write(context, &bytes[..at]),
                None => {}
            }
        }
        let Some(refusal) = left else { return Pin::new(stream).poll_write(context, bytes) };
        while refusal.has_remaining() {
            match ready!(Pin::new(&mut *stream).poll_write(context, refusal))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => refusal.advance(written),
            }
        }
        *left = None;
        Poll::Ready(Ok(said.len()))
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

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::super::guests::Guests;
    use super::*;

    #[tokio::test]
    async fn a_refusal_says_why_whatever_is_around_it_and_however_slowly_it_is_read() {
        let [said, instead] = &*FRAMES;
        for (before, after) in [("", ""), ("\u{1}2", ""), ("", "\u{1}3"), ("ab", "cd")] {
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
