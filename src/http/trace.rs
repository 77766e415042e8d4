//! A request id for every request, on its answer and on each of its log lines.

use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, Method};
use axum::response::Response;
use tracing::Span;
use uuid::Uuid;

use super::error;
use super::shown_path::Shown;
use crate::refusals;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A request in progress, as the log needs it.
pub(super) struct Exchange {
    id: String,
    start: Instant,
}

impl Exchange {
    /// Begins an exchange, and the span in which its answer has to be made. The span has the method and the
    /// path without any user's data; it has no query, which may carry a token, and no header.
    pub(super) fn begin(request: &Request) -> (Self, Span) {
        let id = given_id(request).unwrap_or_else(own_id);
        let path = Shown(request.uri().path());
        let span = tracing::info_span!("request", id, method = name_of(request.method()), %path);
        (Self { id, start: Instant::now() }, span)
    }

    /// Logs and counts the answer of this route, and adds the request's id to it.
    pub(super) fn end(self, response: &mut Response, route: &'static str) {
        let status = response.status().as_u16();
        let elapsed_us = u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX);
        tracing::debug!(status, elapsed_us, "answered");
        if let Some(detail) = error::detail_of(response) {
            refusals::request(status, &detail);
        }
        crate::metrics::get().answered(route, status, self.start);
        if let Ok(value) = HeaderValue::try_from(self.id) {
            response.headers_mut().insert(X_REQUEST_ID, value);
        }
    }
}

/// The method's name, if it is a known one: others may be any text.
fn name_of(method: &Method) -> &str {
    const KNOWN: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE"];
    KNOWN.into_iter().find(|known| *known == method.as_str()).unwrap_or("another")
}

/// An id that differs from all others, of this process and of others. Every client sees it, so the count of
/// requests is hidden in a hash with a random key.
fn own_id() -> String {
    static PROCESS: LazyLock<(u64, RandomState)> =
        LazyLock::new(|| (Uuid::new_v4().as_u64_pair().0 >> 32, RandomState::new()));
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let (process, key) = &*PROCESS;
    format!("{process:08x}{:016x}", key.hash_one(COUNT.fetch_add(1, Ordering::Relaxed)))
}

/// The id that a proxy or a client gave, if it is fit for a log.
fn given_id(request: &Request) -> Option<String> {
    let given = request.headers().get(X_REQUEST_ID)?.to_str().ok()?;
    let fits = (1..=64).contains(&given.len())
        && given.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    fits.then(|| given.to_owned())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::own_id;

    #[test]
    fn request_ids_differ_and_do_not_count() {
        let ids: Vec<_> = (0..100).map(|_| own_id()).collect();
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
        assert!(!ids.is_sorted() && ids.iter().all(|id| id.len() == 24));
    }
}
