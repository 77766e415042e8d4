//! Requests for which there is no place among all connections: streams of HTTP/2 beside others of their connection.

use axum::extract::Request;
use axum::http::Method;

use super::error::ApiError;
use crate::uploads::UploadError;

/// With a request for which there is no place.
#[derive(Debug, Clone, Copy)]
pub(super) struct NoPlace;

/// The answer to such a request. A client of tus that is told 503 about its offset throws it away.
pub(super) fn refusal_of(request: &Request) -> Option<ApiError> {
    request.extensions().get::<NoPlace>()?;
    Some(if request.method() == Method::HEAD { UploadError::Busy.into() } else { ApiError::no_place() })
}
