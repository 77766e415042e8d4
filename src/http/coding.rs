//! Compressed request bodies, which nobody here unpacks: what is stored has to be the file itself, and a few bytes
//! must never become gigabytes (RFC 9110 §8.4, §15.5.16).

use axum::body::HttpBody;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, HeaderMap, HeaderValue};

use super::error::ApiError;

/// What says that nothing was done to the body.
const IDENTITY: &str = "identity";

/// Why a body is refused that is not as it is.
pub(super) fn refusal_of(request: &Request) -> Option<ApiError> {
    let is_refused = !is_plain(request.headers()) && !request.body().is_end_stream();
    is_refused.then(|| {
        ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Compressed bodies are not accepted")
            .with_header(ACCEPT_ENCODING, HeaderValue::from_static(IDENTITY))
    })
}

fn is_plain(fields: &HeaderMap) -> bool {
    fields
        .get_all(CONTENT_ENCODING)
        .iter()
        .all(|value| value.as_bytes().eq_ignore_ascii_case(IDENTITY.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_identity_is_plain() {
        for (values, plain) in [
            (&[][..], true),
            (&["identity"], true),
            (&["Identity"], true),
            (&["gzip"], false),
            (&["identity", "br"], false),
            (&["identity, gzip"], false),
            (&[""], false),
        ] {
            let mut fields = HeaderMap::new();
            for value in values {
                fields.append(CONTENT_ENCODING, HeaderValue::from_static(value));
            }
            assert_eq!(is_plain(&fields), plain, "{values:?}");
        }
    }
}
