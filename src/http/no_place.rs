//! Requests without a permit among all connections: HTTP/2 streams beside others of their connection.

use axum::extract::Request;
use axum::http::Method;

use super::error::ApiError;
use crate::uploads::UploadError;

/// Marks a request that got no permit.
#[derive(Debug, Clone, Copy)]
pub(super) struct NoPlace;

/// The refusal of a request that got no permit. A HEAD gets 423: after a 503 a tus client drops its upload.
pub(super) fn refusal_of(request: &Request) -> Option<ApiError> {
    request.extensions().get::<NoPlace>()?;
    Some(if request.method() == Method::HEAD { UploadError::Busy.into() } else { ApiError::no_place() })
}
