//! Request bodies: as frames, and read on when they were refused.

use std::pin::Pin;
use std::str;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body as AxumBody;
use axum::http::{HeaderMap, HeaderName};
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::{BodyExt, BodyStream};
use tokio::time::Instant;

use crate::upload::{ChecksumError, TrailingChecksum};
use crate::uploads::{BodyBroken, BodyFrame, Frames};

/// `Upload-Checksum` (tus 1.0.0, Checksum).
pub(super) const UPLOAD_CHECKSUM: HeaderName = HeaderName::from_static("upload-checksum");

/// How far a refused body is read on, and for how long, so that a client that is still sending gets to read
/// the refusal; then the connection is closed.
const DRAIN_BYTES: u64 = 64 * 1024 * 1024;
const DRAIN_TIME: Duration = Duration::from_secs(10);

/// The frames of a request's body, as the use cases take them: data, and the checksum in a trailer.
pub(super) fn frames(body: AxumBody) -> Frames {
    Box::pin(BodyStream::new(body).filter_map(|frame| async move {
        match frame.map(Frame::into_data) {
            Ok(Ok(data)) => Some(Ok(BodyFrame::Data(data))),
            Ok(Err(other)) => {
                let checksum = other.into_trailers().ok().as_ref().and_then(checksum_of);
                checksum.map(|checksum| Ok(BodyFrame::Checksum(checksum)))
            }
            Err(_) => Some(Err(BodyBroken)),
        }
    }))
}

/// The data of a request's body, without the trailer.
pub(super) fn data(body: AxumBody) -> BoxStream<'static, Result<Bytes, BodyBroken>> {
    let only_data = frames(body).filter_map(|frame| async move {
        match frame {
            Ok(BodyFrame::Data(data)) => Some(Ok(data)),
            Ok(BodyFrame::Checksum(_)) => None,
            Err(broken) => Some(Err(broken)),
        }
    });
    only_data.boxed()
}

/// `Upload-Checksum` in a trailer. Given twice it is malformed, as it is in a header.
fn checksum_of(trailer: &HeaderMap) -> Option<TrailingChecksum> {
    let mut values = trailer.get_all(UPLOAD_CHECKSUM).iter();
    let first = values.next()?;
    let text = str::from_utf8(first.as_bytes()).ok().filter(|_| values.next().is_none());
    Some(text.ok_or(ChecksumError::Malformed).and_then(str::parse))
}

/// A request's body that is drained in a task of its own if its handler leaves it unread.
#[derive(Debug)]
pub(super) struct Drained<B: HttpBody<Data = Bytes> + Send + Unpin + 'static> {
    /// `None` only while the value is dropped.
    body: Option<B>,
    /// Whether the client waits for `100 Continue`: it sends nothing unless asked to, and reading asks.
    waits_to_be_asked: bool,
}

impl<B: HttpBody<Data = Bytes> + Send + Unpin + 'static> Drained<B> {
    pub(super) fn new(body: B, expects_continue: bool) -> Self {
        Self { body: Some(body), waits_to_be_asked: expects_continue }
    }
}

impl<B: HttpBody<Data = Bytes> + Send + Unpin + 'static> HttpBody for Drained<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        self.waits_to_be_asked = false;
        match &mut self.body {
            Some(body) => Pin::new(body).poll_frame(context),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map(HttpBody::size_hint).unwrap_or_default()
    }
}

impl<B: HttpBody<Data = Bytes> + Send + Unpin + 'static> Drop for Drained<B> {
    fn drop(&mut self) {
        let Some(body) = self.body.take() else { return };
        // Outside a runtime, at the very end, no client is left to read the refusal.
        if !self.waits_to_be_asked
            && !body.is_end_stream()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(drain(body));
        }
    }
}

async fn drain<B: HttpBody<Data = Bytes> + Unpin>(mut body: B) {
    let end = Instant::now() + DRAIN_TIME;
    let mut left = DRAIN_BYTES;
    while let Ok(Some(Ok(frame))) = tokio::time::timeout_at(end, body.frame()).await {
        let bytes = frame.data_ref().map_or(0, Bytes::len);
        left = left.saturating_sub(u64::try_from(bytes).unwrap_or(u64::MAX));
        if left == 0 {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use axum::http::HeaderValue;
    use futures_util::stream;
    use http_body_util::StreamBody;

    use super::*;

    const SUM: &str = "crc32 NSRBwg==";

    type Field = (&'static str, &'static [u8]);

    /// A body of two pieces and this trailer, as any version of HTTP delivers it.
    fn body(trailer: &[Field]) -> AxumBody {
        let mut fields = HeaderMap::new();
        for (name, value) in trailer {
            fields.append(*name, HeaderValue::from_bytes(value).expect("valid"));
        }
        let pieces = ["a", "bc"].map(|piece| Frame::data(Bytes::from_static(piece.as_bytes())));
        let frames = pieces.into_iter().chain([Frame::trailers(fields)]);
        AxumBody::new(StreamBody::new(stream::iter(frames.map(Ok::<_, Infallible>))))
    }

    #[tokio::test]
    async fn a_trailer_is_its_one_checksum_or_nothing() {
        let sum: Field = ("upload-checksum", SUM.as_bytes());
        let malformed = || Some(Err(ChecksumError::Malformed));
        let table: [(&[Field], Option<TrailingChecksum>); 7] = [
            (&[], None),
            (&[("expires", b"0")], None),
            (&[("expires", b"0"), sum], Some(SUM.parse())),
            (&[sum, sum], malformed()),
            (&[("upload-checksum", b"")], malformed()),
            (&[("upload-checksum", b"crc32 \xff")], malformed()),
            (&[("upload-checksum", b"sha3 AAAA")], Some(Err(ChecksumError::Unsupported))),
        ];
        for (trailer, expected) in table {
            let mut last: Vec<_> = frames(body(trailer)).collect().await;
            let checksum = last.split_off(2).pop().map(|frame| frame.expect("whole"));
            assert_eq!(checksum, expected.map(BodyFrame::Checksum), "{trailer:?}");
            assert_eq!(last, ["a", "bc"].map(|piece| Ok(BodyFrame::Data(piece.into()))));
            let bytes: Vec<_> = data(body(trailer)).collect().await;
            assert_eq!(bytes, ["a", "bc"].map(|piece| Ok(Bytes::from(piece))));
        }
    }
}
