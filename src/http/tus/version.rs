//! The version check: before anything else, and on every answer.

use axum::extract::Request;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::VERSION;
use super::headers::{TUS_RESUMABLE, TUS_VERSION, one};
use crate::http::error::ApiError;

const SPOKEN: HeaderValue = HeaderValue::from_static(VERSION);

/// Refuses what does not speak our version (tus 1.0.0, Core, Tus-Resumable), and says on each answer what we
/// speak. OPTIONS asks for the version, and GET is not tus.
pub(super) async fn check(request: Request, next: Next) -> Response {
    let is_exempt = matches!(*request.method(), Method::OPTIONS | Method::GET);
    let speaks = matches!(one(request.headers(), &TUS_RESUMABLE), Ok(Some(VERSION)));
    let mut response = if is_exempt || speaks {
        next.run(request).await
    } else {
        ApiError::new(StatusCode::PRECONDITION_FAILED, "Tus-Resumable has to be 1.0.0")
            .with_header(TUS_VERSION, SPOKEN)
            .into_response()
    };
    let headers = response.headers_mut();
    headers.insert(TUS_RESUMABLE, SPOKEN);
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
