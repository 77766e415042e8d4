//! The answer to a request for a representation.

use std::ops::Range;

use axum::body::Body;
use axum::http::header::{
    ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderMap, HeaderValue, LAST_MODIFIED,
};
use axum::http::{Method, StatusCode};
use axum::response::Response;
use futures_util::{TryStreamExt, stream};

use super::decide::{Representation, Selection, select};
use crate::http::error::ApiError;
use crate::store::ByteStream;

/// Answers a `GET` or `HEAD` with the bytes asked for, streamed as `read` gives them, and with the headers
/// for ranges and versions. The caller adds the headers that say what the bytes are and for whom.
///
/// # Errors
/// 412 and 416, and the errors of `read`.
pub(crate) async fn respond<R, E>(
    method: &Method,
    headers: &HeaderMap,
    representation: &Representation,
    read: impl FnOnce(Range<u64>) -> R,
) -> Result<Response, ApiError>
where
    R: Future<Output = Result<ByteStream, E>>,
    ApiError: From<E>,
{
    let (status, bytes) = match select(method, headers, representation) {
        Selection::Whole => (StatusCode::OK, 0..representation.length),
        Selection::Part(bytes) => (StatusCode::PARTIAL_CONTENT, bytes),
        Selection::NotModified => return Ok(not_modified(representation)),
        Selection::PreconditionFailed => return Err(ApiError::precondition_failed()),
        Selection::Unsatisfiable => return Err(ApiError::unsatisfiable(representation.length)),
    };
    let length = bytes.end - bytes.start;
    let content_range =
        format!("bytes {}-{}/{}", bytes.start, bytes.end.saturating_sub(1), representation.length);
    let body = if length == 0 {
        Body::empty()
    } else {
        // Reads for a HEAD as well, whose answer is that of a GET: the bytes may be gone.
        let bytes = read(bytes).await?;
        if method == Method::HEAD { Body::empty() } else { body(bytes) }
    };
    let mut response = described(status, representation, body);
    response.headers_mut().insert(CONTENT_LENGTH, length.into());
    if status == StatusCode::PARTIAL_CONTENT {
        response.headers_mut().insert(CONTENT_RANGE, ascii(&content_range));
    }
    Ok(response)
}

/// A body of the bytes as they come. A failure on the way breaks the connection off, so that no client takes
/// a part for the whole.
fn body(bytes: ByteStream) -> Body {
    Body::from_stream(bytes.inspect_err(|error| tracing::error!(%error, "the storage failed in mid-answer")))
}

/// 304, because the client has the representation. A body of unknown length keeps the router from adding
/// `Content-Length: 0`, which would be wrong for the representation (RFC 9110 §8.6).
fn not_modified(representation: &Representation) -> Response {
    let nothing = Body::from_stream(stream::empty::<Result<Vec<u8>, std::convert::Infallible>>());
    described(StatusCode::NOT_MODIFIED, representation, nothing)
}

fn described(status: StatusCode, representation: &Representation, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(ETAG, ascii(&representation.etag));
    if let Some(modified) = representation.modified {
        headers.insert(LAST_MODIFIED, ascii(&modified.http_date()));
    }
    response
}

fn ascii(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("tags, dates and numbers are ASCII without control characters")
}
