//! What is done to a request before it is routed.

use axum::BoxError;
use axum::body::{Body, HttpBody};
use axum::http::{HeaderName, Method, Request, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;

use super::body::Drained;
use super::error::ApiError;

const X_HTTP_METHOD_OVERRIDE: HeaderName = HeaderName::from_static("x-http-method-override");

/// Puts the method in place that the client means (tus 1.0.0, Core, X-HTTP-Method-Override), in any letter case, and
/// sees to it that a body which its handler refuses is read on.
pub(super) fn prepare<B>(mut request: Request<B>) -> Result<Request<Body>, Box<Response>>
where
    B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + Unpin + 'static,
{
    let expects_continue = request
        .headers()
        .get(header::EXPECT)
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"));
    if let Some(meant) = request.headers().get(X_HTTP_METHOD_OVERRIDE) {
        match Method::from_bytes(&meant.as_bytes().trim_ascii().to_ascii_uppercase()) {
            Ok(method) => *request.method_mut() = method,
            Err(_) => {
                return Err(Box::new(
                    ApiError::bad_request("Invalid X-HTTP-Method-Override").into_response(),
                ));
            }
        }
    }
    Ok(request.map(|body| Body::new(Drained::new(body, expects_continue))))
}
