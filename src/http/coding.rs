//! Compressed request bodies, which the server refuses to unpack: the stored bytes have to be the file
//! itself, and a few bytes must never become gigabytes (RFC 9110 §8.4, §15.5.16).

use std::time::Duration;

use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, EXPECT, HeaderMap, HeaderValue};

use super::error::{ApiError, Code};
use super::presence::{Presence, look};

/// The coding of a body that is not compressed.
const IDENTITY: &str = "identity";

/// A request that may be refused for its body's coding.
pub(super) enum Coded {
    /// The body has no coding, or no bytes.
    No(Request),
    /// The request is refused.
    Refused(ApiError),
    /// Undecided by the head: [`refuse_bytes`] tells.
    Perhaps(Request),
}

/// Judges the coding of a request by its head.
pub(super) fn coding_of(request: Request) -> Coded {
    if is_plain(request.headers()) {
        return Coded::No(request);
    }
    match Presence::of(&request) {
        Presence::None => Coded::No(request),
        Presence::Some => Coded::Refused(refusal()),
        // A client that waits for `100 Continue` has bytes (RFC 9110 §10.1.1), and looking would ask for them
        // before the request is found acceptable.
        Presence::Unknown if request.headers().contains_key(EXPECT) => Coded::Refused(refusal()),
        Presence::Unknown => Coded::Perhaps(request),
    }
}

/// The request, if its body turns out to be empty.
///
/// # Errors
/// 415 at the first byte, 408 if nothing comes.
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
