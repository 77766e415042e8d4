//! The headers that tell an upload's state.

use axum::http::header::{HeaderMap, HeaderValue};

use super::headers::{
    CHAT_MESSAGE_ID, CHAT_MESSAGE_URL, CHAT_UPLOAD_STATE, UPLOAD_EXPIRES, UPLOAD_OFFSET, text_value, value_of,
};
use crate::http::outside::Outside;
use crate::uploads::Standing;

/// Offset, expiry, and the result if there is one: they are equal on POST, PATCH and HEAD, because any of
/// these may be the only answer that a client gets to read.
pub(super) fn headers_of(standing: &Standing, outside: &Outside) -> HeaderMap {
    let mut headers = HeaderMap::new();
    // While the server still works on an upload, no client may go on with it or take it as complete.
    if !standing.upload.is_driven() {
        headers.insert(UPLOAD_OFFSET, value_of(standing.upload.offset));
    }
    if let Some(date) = expiry(standing) {
        headers.insert(UPLOAD_EXPIRES, date);
    }
    headers.insert(CHAT_UPLOAD_STATE, HeaderValue::from_static(standing.state()));
    if let Some(message) = &standing.message {
        let id = message.id.to_string();
        let texts = [(CHAT_MESSAGE_URL, outside.url(&format!("/messages/{id}"))), (CHAT_MESSAGE_ID, id)];
        let values = texts.into_iter().filter_map(|(name, text)| Some((name, text_value(&text)?)));
        headers.extend(values);
    }
    headers
}

/// The value of `Upload-Expires`: when the upload goes away.
pub(super) fn expiry(standing: &Standing) -> Option<HeaderValue> {
    standing.expires_at.and_then(|at| text_value(&at.http_date()))
}
