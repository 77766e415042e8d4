//! Preparation of a request before it is routed.

use axum::BoxError;
use axum::body::{Body, HttpBody};
use axum::http::{Request, header};
use bytes::Bytes;

use super::body::Drained;
use super::error::ApiError;
use super::method_override::{self, Overridden};

/// Sets the method that the client means, and makes sure that a body is read on if its handler refuses it.
pub(super) fn prepare<B>(mut request: Request<B>) -> Result<(Request<Body>, Overridden), ApiError>
where
    B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + Unpin + 'static,
{
    let expects_continue = request
        .headers()
        .get(header::EXPECT)
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"));
    let overridden = method_override::apply(&mut request)?;
    Ok((request.map(|body| Body::new(Drained::new(body, expects_continue))), overridden))
}
