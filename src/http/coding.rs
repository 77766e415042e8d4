//! Compressed request bodies, which nobody here unpacks: what is stored has to be the file itself, and a few bytes
//! must never become gigabytes (RFC 9110 §8.4, §15.5.16).

use std::time::Duration;

use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, EXPECT, HeaderMap, HeaderValue};

use super::error::{ApiError, Code};
use super::presence::{Presence, look};

/// What says that nothing was done to the body.
const IDENTITY: &str = "identity";

/// A request whose body is not as it is, and may be refused for that.
pub(super) enum Coded {
    /// As it is, or there is nothing that could have been done to it.
    No(Request),
    /// Refused.
    Refused(ApiError),
    /// [`refuse_bytes`] tells.
    Perhaps(Request),
}

/// What the head of a request says of its coding.
pub(super) fn coding_of(request: Request) -> Coded {
    if is_plain(request.headers()) {
        return Coded::No(request);
    }
    match Presence::of(&request) {
        Presence::None => Coded::No(request),
        Presence::Some => Coded::Refused(refusal()),
        // Who waits to be asked for bytes has some (RFC 9110 §10.1.1), and looking would ask before anybody else
        // has found the request acceptable.
        Presence::Unknown if request.headers().contains_key(EXPECT) => Coded::Refused(refusal()),
        Presence::Unknown => Coded::Perhaps(request),
    }
}

/// The request, once it is known to have no bytes.
///
/// # Errors
/// 415 at its first byte, 408 if nothing comes.
pub(super) async fn refuse_bytes(request: Request, patience: Duration) -> Result<Request, ApiError> {
    let (head, body) = request.into_parts();
    let (has_bytes, body) = look(body, patience).await?;
    if has_bytes { Err(refusal()) } else { Ok(Request::from_parts(head, body)) }
}

fn refusal() -> ApiError {
    let detail = "Compressed bodies are not accepted";
    ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, Code::UnsupportedEncoding, detail)
        .with_header(ACCEPT_ENCODING, HeaderValue::from_static(IDENTITY))
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
