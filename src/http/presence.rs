//! Whether a request has bytes. With chunked encoding, and over HTTP/2 without a length, only the first frame
//! tells; many proxies send every body like that, even an empty one.

use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::extract::Request;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http_body::Frame;
use http_body_util::{BodyExt, BodyStream, StreamBody};
use tokio::time::timeout;

use crate::uploads::UploadError;

/// Whether a request has bytes, as far as its head tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    /// The body is empty.
    None,
    /// The body has bytes.
    Some,
    /// Undecided by the head: [`look`] tells, once the client sends more.
    Unknown,
}

impl Presence {
    /// The presence of bytes by the head alone, without reading the body.
    pub(super) fn of(request: &Request) -> Self {
        let body = request.body();
        if body.is_end_stream() {
            Self::None
        } else if body.size_hint().lower() > 0 {
            Self::Some
        } else {
            Self::Unknown
        }
    }
}

/// Whether a body has bytes, and the body less its leading empty frames. Reads up to the first byte, which
/// the client has `patience` to send, or the end. A client that waits for `100 Continue` is told to go on.
///
/// # Errors
/// [`UploadError::BodyIdle`], [`UploadError::BodyBroken`].
pub(super) async fn look(mut body: Body, patience: Duration) -> Result<(bool, Body), UploadError> {
    let first = async {
        loop {
            match body.frame().await {
                Some(Ok(frame)) if frame.data_ref().is_some_and(Bytes::is_empty) => {}
                other => return other.transpose(),
            }
        }
    };
    let first = timeout(patience, first).await.map_err(|_| UploadError::BodyIdle)?;
    Ok(match first.map_err(|_| UploadError::BodyBroken)? {
        None => (false, Body::empty()),
        Some(frame) => (frame.is_data(), with_first(frame, body)),
    })
}

fn with_first(frame: Frame<Bytes>, rest: Body) -> Body {
    Body::new(StreamBody::new(stream::iter([Ok(frame)]).chain(BodyStream::new(rest))))
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use axum::http::{HeaderMap, header};
    use futures_util::FutureExt;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(30);

    fn body_of(frames: &[Option<&'static str>]) -> Body {
        let frames: Vec<_> = frames
            .iter()
            .map(|data| match data {
                Some(data) => Frame::data(Bytes::from_static(data.as_bytes())),
                None => {
                    Frame::trailers(HeaderMap::from_iter([(header::EXPIRES, "0".parse().expect("valid"))]))
                }
            })
            .map(Ok::<_, Infallible>)
            .collect();
        Body::new(StreamBody::new(stream::iter(frames)))
    }

    #[tokio::test]
    async fn the_first_frame_with_bytes_tells_and_nothing_is_lost() {
        for (frames, has_bytes, rest) in [
            (&[][..], false, &[][..]),
            (&[Some("")], false, &[]),
            (&[Some(""), Some(""), Some("")], false, &[]),
            (&[None], false, &[None]),
            (&[Some(""), None], false, &[None]),
            (&[Some("a")], true, &[Some("a")]),
            (
                &[Some(""), Some("a"), Some(""), Some("b"), None],
                true,
                &[Some("a"), Some(""), Some("b"), None],
            ),
        ] {
            let (found, body) = look(body_of(frames), PATIENCE).await.expect("whole");
            assert_eq!(found, has_bytes, "{frames:?}");
            let left: Vec<_> =
                BodyStream::new(body).map(|frame| frame.expect("whole").into_data().ok()).collect().await;
            let expected: Vec<_> =
                rest.iter().map(|data| data.map(|data| Bytes::from_static(data.as_bytes()))).collect();
            assert_eq!(left, expected, "{frames:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn silence_and_empty_frames_without_end_are_no_answer() {
        let silent = Body::from_stream(stream::pending::<Result<Bytes, Infallible>>());
        assert!(matches!(look(silent, PATIENCE).await, Err(UploadError::BodyIdle)));
        let empty = stream::unfold((), |()| async {
            tokio::time::sleep(PATIENCE / 4).await;
            Some((Ok::<_, Infallible>(Bytes::new()), ()))
        });
        assert!(matches!(look(Body::from_stream(empty), PATIENCE).await, Err(UploadError::BodyIdle)));
        let broken = Body::from_stream(stream::iter([Err::<Bytes, _>(std::io::Error::other("reset"))]));
        assert!(matches!(look(broken, PATIENCE).now_or_never(), Some(Err(UploadError::BodyBroken))));
    }

    #[test]
    fn the_head_alone_often_tells() {
        for (body, presence) in [
            (Body::empty(), Presence::None),
            (Body::from("a"), Presence::Some),
            (body_of(&[Some("a")]), Presence::Unknown),
            (body_of(&[]), Presence::Unknown),
        ] {
            let request = Request::post("/files").body(body).expect("valid");
            assert_eq!(Presence::of(&request), presence);
        }
    }
}
