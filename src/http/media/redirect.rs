//! Answers that send a client to the object store, which has the bytes, for a message's file.
//!
//! Who may have the file is decided here, and so is what the store's answer says of it. Ranges and conditions
//! are left to the store, whose tags its clients know. A client follows with its own headers, but for its
//! token, which a store would refuse beside the signature.

use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::response::Response;

use crate::chats::{ChatError, Chats};
use crate::message::Message;
use crate::store::Shown;

/// How long a client may take to follow, and to come back for a range.
const VALID: Duration = Duration::from_secs(300);
/// How long the answer may be kept: shorter than it is valid, so that one that was kept can still be
/// followed.
pub(super) const KEPT_SECS: u64 = 60;

/// The answer, if the store gives URLs. An empty file is answered here.
pub(super) async fn to_store(
    chats: &Chats,
    message: &Message,
    request: &Parts,
    description: &HeaderMap,
) -> Result<Option<Response>, ChatError> {
    if message.file_size == 0 {
        return Ok(None);
    }
    let text = |name| description.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let shown = Shown {
        is_head: request.method == Method::HEAD,
        content_type: text(CONTENT_TYPE).to_owned(),
        disposition: text(CONTENT_DISPOSITION).to_owned(),
        valid: VALID,
    };
    let Some(url) = chats.media_at_store(message, &shown).await? else { return Ok(None) };
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
    let location = HeaderValue::from_str(&url).expect("a URL is ASCII without control characters");
    response.headers_mut().insert(LOCATION, location);
    Ok(Some(response))
}

/// Whether an answer sends its client to the store.
pub(super) fn is_to_store(response: &Response) -> bool {
    response.status() == StatusCode::TEMPORARY_REDIRECT
}
