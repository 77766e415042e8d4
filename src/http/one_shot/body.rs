//! A request body with an idle timeout.

use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{Stream, StreamExt};
use tokio::time::timeout;

use crate::uploads::BodyBroken;

/// The data of a body.
type Data = BoxStream<'static, Result<Bytes, BodyBroken>>;

/// Why a body stopped before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum BodyFault {
    /// No bytes came for too long.
    #[error("the request body was idle")]
    Idle,
    /// The connection broke.
    #[error(transparent)]
    Broken(#[from] BodyBroken),
}

/// The body's bytes, with at most `idle` between two pieces.
pub(super) fn impatient(body: Data, idle: Duration) -> impl Stream<Item = Result<Bytes, BodyFault>> + Send {
    stream::unfold(Some(body), move |body| next(body, idle))
}

/// The next item, and what is left of the body: nothing after a failure.
async fn next(body: Option<Data>, idle: Duration) -> Option<(Result<Bytes, BodyFault>, Option<Data>)> {
    let mut body = body?;
    match timeout(idle, body.next()).await {
        Ok(Some(Ok(bytes))) => Some((Ok(bytes), Some(body))),
        Ok(Some(Err(broken))) => Some((Err(broken.into()), None)),
        Ok(None) => None,
        Err(_) => Some((Err(BodyFault::Idle), None)),
    }
}
