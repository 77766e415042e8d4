//! A request's body as the use cases see it.

use std::pin::Pin;

use bytes::Bytes;
use futures_util::Stream;

/// The body ended before its end: the connection broke, or its framing did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the request body ended early")]
pub struct BodyBroken;

/// Bytes of a request in order. An error is the last item.
pub type Body = Pin<Box<dyn Stream<Item = Result<Bytes, BodyBroken>> + Send>>;
