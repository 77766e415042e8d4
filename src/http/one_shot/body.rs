//! A request body as a stream that says how it failed.

use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use tokio::time::timeout;

/// Why a body ended before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum BodyFault {
    /// It said nothing for too long.
    #[error("the body was idle")]
    Idle,
    /// The connection broke.
    #[error("the body broke off")]
    Broken,
}

/// The body's bytes, each within `idle` of the one before.
pub(super) fn impatient(body: Body, idle: Duration) -> impl Stream<Item = Result<Bytes, BodyFault>> + Send {
    stream::unfold(Some(body.into_data_stream()), move |body| next(body, idle))
}

type Next = Option<(Result<Bytes, BodyFault>, Option<BodyDataStream>)>;

/// After a failure comes the end.
async fn next(body: Option<BodyDataStream>, idle: Duration) -> Next {
    let mut body = body?;
    match timeout(idle, body.next()).await {
        Ok(Some(Ok(bytes))) => Some((Ok(bytes), Some(body))),
        Ok(Some(Err(_))) => Some((Err(BodyFault::Broken), None)),
        Ok(None) => None,
        Err(_) => Some((Err(BodyFault::Idle), None)),
    }
}
