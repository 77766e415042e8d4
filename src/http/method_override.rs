//! `X-HTTP-Method-Override`: the method that a client means (tus 1.0.0, Core), and its effects on the answer.

use std::convert::Infallible;

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_LENGTH};
use axum::http::{HeaderName, HeaderValue, Method, Request};
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;

use super::error::{ApiError, Code};

const X_HTTP_METHOD_OVERRIDE: HeaderName = HeaderName::from_static("x-http-method-override");

/// Effects of an overridden method on the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Overridden {
    /// The client reads a body, but the handler, which saw a `HEAD`, has none.
    needs_body: bool,
    /// A cache on the way would take the answer for one to the method that it saw.
    is_for_no_cache: bool,
}

/// Sets the method that the client means, in any letter case.
pub(super) fn apply<B>(request: &mut Request<B>) -> Result<Overridden, ApiError> {
    let Some(meant) = request.headers().get(X_HTTP_METHOD_OVERRIDE) else { return Ok(Overridden::default()) };
    let meant = Method::from_bytes(&meant.as_bytes().trim_ascii().to_ascii_uppercase())
        .map_err(|_| ApiError::bad_request(Code::InvalidHeader, "Invalid X-HTTP-Method-Override"))?;
    let sent = std::mem::replace(request.method_mut(), meant);
    let is_other = sent != request.method();
    Ok(Overridden {
        needs_body: is_other && request.method() == Method::HEAD,
        is_for_no_cache: is_other && (sent == Method::GET || sent == Method::HEAD),
    })
}

impl Overridden {
    pub(super) fn finish(self, response: &mut Response) {
        if self.needs_body {
            // An empty body with a length would say that the resource is empty.
            response.headers_mut().remove(CONTENT_LENGTH);
            *response.body_mut() = Body::from_stream(stream::empty::<Result<Bytes, Infallible>>());
        }
        if self.is_for_no_cache {
            response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_fits_the_method_that_was_sent() {
        let (body, no_cache) = (true, true);
        for (sent, meant, needs_body, is_for_no_cache) in [
            ("GET", "HEAD", body, no_cache),
            ("GET", " head ", body, no_cache),
            ("GET", "get", false, false),
            ("GET", "PATCH", false, no_cache),
            ("HEAD", "GET", false, no_cache),
            ("HEAD", "HEAD", false, false),
            ("POST", "HEAD", body, false),
            ("POST", "PATCH", false, false),
            ("POST", "GET", false, false),
        ] {
            let mut request = Request::builder()
                .method(sent)
                .header("X-HTTP-Method-Override", meant)
                .body(())
                .expect("valid");
            let expected = Overridden { needs_body, is_for_no_cache };
            assert_eq!(apply(&mut request).expect("a method"), expected, "{sent} {meant}");
            assert_eq!(request.method().as_str(), meant.trim().to_ascii_uppercase());
        }
    }
}
