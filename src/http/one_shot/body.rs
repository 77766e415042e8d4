//! A request body that may not be silent for long.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use tokio::time::timeout;

use crate::uploads::{Body, BodyBroken};

/// Why a body ended before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum BodyFault {
    /// It said nothing for too long.
    #[error("the request body was idle")]
    Idle,
    /// The connection broke.
    #[error(transparent)]
    Broken(#[from] BodyBroken),
}

/// The body's bytes, each within `idle` of the one before.
pub(super) fn impatient(body: Body, idle: Duration) -> impl Stream<Item = Result<Bytes, BodyFault>> + Send {
    stream::unfold(Some(body), move |body| next(body, idle))
}

/// The next item, and what is left of the body: nothing after a failure.
async fn next(body: Option<Body>, idle: Duration) -> Option<(Result<Bytes, BodyFault>, Option<Body>)> {
    let mut body = body?;
    match timeout(idle, body.next()).await {
        Ok(Some(Ok(bytes))) => Some((Ok(bytes), Some(body))),
        Ok(Some(Err(broken))) => Some((Err(broken.into()), None)),
        Ok(None) => None,
        Err(_) => Some((Err(BodyFault::Idle), None)),
    }
}
