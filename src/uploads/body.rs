//! A request's body as the use cases see it.

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use tokio::time::timeout;

use super::error::UploadError;
use crate::upload::{AppendRefusal, TrailingChecksum, Verification};

/// How long a small body is waited for as a whole; after that it is received as it comes.
const AT_ONCE: Duration = Duration::from_millis(2);

/// The body ended early: the connection broke, or its framing did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the request body ended early")]
pub struct BodyBroken;

/// A piece of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BodyFrame {
    /// The bytes that follow.
    Data(Bytes),
    /// `Upload-Checksum` in the trailer, after all bytes.
    Checksum(TrailingChecksum),
}

/// Frames in order. An error is the last item.
pub type Frames = Pin<Box<dyn Stream<Item = Result<BodyFrame, BodyBroken>> + Send>>;

/// The bytes of a request, and how they are to be checked.
pub struct Body {
    pub(super) frames: Frames,
    pub(super) verification: Verification,
}

impl Body {
    /// A body of these frames.
    pub fn new(frames: Frames, verification: Verification) -> Self {
        Self { frames, verification }
    }

    /// The whole body, if it has this many bytes and no checksum, and comes within [`AT_ONCE`]; otherwise
    /// `None`, and the body is as it was.
    pub(super) async fn at_once(&mut self, length: usize) -> Option<Vec<Bytes>> {
        if self.verification != Verification::None {
            return None;
        }
        let (mut pieces, mut left, mut odd) = (Vec::new(), length, None);
        let all = async {
            loop {
                match self.frames.next().await {
                    None => return left == 0,
                    Some(Ok(BodyFrame::Data(data))) if data.len() <= left => {
                        left -= data.len();
                        pieces.push(data);
                    }
                    other => {
                        odd = other;
                        return false;
                    }
                }
            }
        };
        if timeout(AT_ONCE, all).await.unwrap_or(false) {
            return Some(pieces);
        }
        self.put_back(pieces, odd);
        None
    }

    /// Puts back what was read of the body.
    pub(super) fn put_back(&mut self, pieces: Vec<Bytes>, odd: Option<Result<BodyFrame, BodyBroken>>) {
        let read = pieces.into_iter().map(|data| Ok(BodyFrame::Data(data))).chain(odd);
        let rest = std::mem::replace(&mut self.frames, stream::empty().boxed());
        self.frames = stream::iter(read).chain(rest).boxed();
    }

    /// Reads the body of a request that may have no bytes, and checks it like any other.
    ///
    /// # Errors
    /// [`AppendRefusal::TooLong`] for the first byte; [`UploadError::BodyBroken`], [`UploadError::BodyIdle`],
    /// [`UploadError::Checksum`].
    pub(super) async fn expect_nothing(mut self, idle: Duration) -> Result<(), UploadError> {
        let mut trailer = None;
        while let Some(frame) = timeout(idle, self.frames.next()).await.map_err(|_| UploadError::BodyIdle)? {
            match frame.map_err(|_| UploadError::BodyBroken)? {
                BodyFrame::Data(data) if data.is_empty() => {}
                BodyFrame::Data(_) => return Err(AppendRefusal::TooLong.into()),
                BodyFrame::Checksum(checksum) => trailer = Some(checksum),
            }
        }
        Ok(self.verification.begin().close(trailer)?)
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body").field("verification", &self.verification).finish_non_exhaustive()
    }
}
