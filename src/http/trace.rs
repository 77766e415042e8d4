//! A request id for every request, on the answer and on every log line of it.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;
use tracing::Instrument;
use uuid::Uuid;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Logs the request by method, path and status: no query, which may carry a token, and no header.
pub(super) async fn trace(request: Request, next: impl AsyncFnOnce(Request) -> Response) -> Response {
    let id = given_id(&request).unwrap_or_else(own_id);
    let span = tracing::info_span!("request", id, method = %request.method(), path = request.uri().path());
    let start = Instant::now();
    let mut response = next(request).instrument(span.clone()).await;
    let status = response.status().as_u16();
    span.in_scope(|| tracing::debug!(status, elapsed_us = start.elapsed().as_micros(), "answered"));
    crate::metrics::get().answered(status);
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(X_REQUEST_ID, value);
    }
    response
}

/// Unlike any other, of this process or another; nobody needs it to be hard to guess.
fn own_id() -> String {
    static PROCESS: LazyLock<u64> = LazyLock::new(|| Uuid::new_v4().as_u64_pair().0);
    static COUNT: AtomicU64 = AtomicU64::new(0);
    format!("{:016x}{:08x}", *PROCESS, COUNT.fetch_add(1, Ordering::Relaxed))
}

/// The id that a proxy or a client gave, if it is one that may stand in a log.
fn given_id(request: &Request) -> Option<String> {
    let given = request.headers().get(X_REQUEST_ID)?.to_str().ok()?;
    let fits = (1..=64).contains(&given.len())
        && given.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    fits.then(|| given.to_owned())
}
