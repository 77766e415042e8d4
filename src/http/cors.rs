//! Cross-origin requests of browsers (Fetch standard, CORS protocol). Hand-written, because the usual layers
//! take every OPTIONS for a preflight; without `Access-Control-Request-Method` it is tus discovery here.

use axum::extract::Request;
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::web;

/// Which origins may call, and whether with credentials.
#[derive(Debug, Clone)]
pub struct Cors {
    origins: Origins,
    credentials: bool,
}

#[derive(Debug, Clone)]
enum Origins {
    Any,
    Listed(Vec<String>),
}

const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "Location, Upload-Offset, Upload-Length, Upload-Defer-Length, Upload-Metadata, Upload-Expires, \
     Upload-Concat, Upload-Checksum, Tus-Resumable, Tus-Version, Tus-Extension, Tus-Max-Size, \
     Tus-Checksum-Algorithm, Chat-Message-Id, Chat-Message-Url, Chat-Upload-State, Retry-After, \
     Preference-Applied, X-Request-Id, Content-Range, Content-Disposition, Accept-Ranges, ETag, Repr-Digest",
);
/// Headers that clients are known to send: the answer to a preflight that names none.
const HEADERS: HeaderValue = HeaderValue::from_static(
    "Authorization, Content-Type, Tus-Resumable, Upload-Length, Upload-Defer-Length, Upload-Offset, \
     Upload-Metadata, Upload-Concat, Upload-Checksum, X-HTTP-Method-Override, X-Requested-With, X-Request-Id, \
     Prefer, Idempotency-Key, Range, If-Range",
);
const MAX_AGE: HeaderValue = HeaderValue::from_static("86400");

impl Cors {
    /// CORS for these origins, or for any if there are none. Credentials are for listed origins only: for any
    /// origin they would let every page on the web act as the user.
    pub fn new(origins: Vec<String>, credentials: bool) -> Self {
        let origins = if origins.is_empty() { Origins::Any } else { Origins::Listed(origins) };
        Self { origins, credentials }
    }

    /// The headers for an answer to this origin; `None` if it may not call.
    fn headers_for(&self, origin: &HeaderValue) -> Option<HeaderMap> {
        let mut headers = HeaderMap::new();
        match &self.origins {
            Origins::Any => {
                headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"))
            }
            Origins::Listed(listed) => {
                listed.iter().find(|known| known.as_bytes() == origin.as_bytes())?;
                if self.credentials {
                    let yes = HeaderValue::from_static("true");
                    headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, yes);
                }
                // A copy: a value shared with the request would keep the request's whole head in memory.
                let origin = HeaderValue::from_bytes(origin.as_bytes()).ok()?;
                headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin)
            }
        };
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        Some(headers)
    }
}

/// Marks an answer that no other origin may read, whatever the settings say.
#[derive(Debug, Clone, Copy)]
pub(super) struct SameOrigin;

/// The headers for the answer to a request from another origin.
#[derive(Debug)]
pub(super) struct CrossOrigin {
    /// `None` if the origin may not call.
    allowed: Option<HeaderMap>,
}

impl CrossOrigin {
    /// The headers for a request's answer; `None` if no page of another origin sent the request.
    pub(super) fn of(cors: &Cors, request: &Request) -> Option<Self> {
        let origin = request.headers().get(header::ORIGIN)?;
        Some(Self { allowed: cors.headers_for(origin) })
    }

    /// Lets the origin read the answer, if it may.
    pub(super) fn show(self, response: &mut Response) {
        if response.extensions().get::<SameOrigin>().is_some() {
            return;
        }
        let fields = response.headers_mut();
        fields.append(header::VARY, HeaderValue::from_name(header::ORIGIN));
        fields.extend(self.allowed.unwrap_or_default());
    }
}

/// The answer to a preflight request; `None` if the request is none.
pub(super) fn preflight_of(request: &Request) -> Option<Response> {
    let fields = request.headers();
    let is_preflight = *request.method() == Method::OPTIONS
        && fields.contains_key(header::ORIGIN)
        && fields.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    is_preflight.then(|| {
        let mut response = preflight(fields);
        if web::is_private(request.uri().path()) {
            response.extensions_mut().insert(SameOrigin);
        }
        response
    })
}

/// Allows methods and headers. Without an allowed origin beside them a browser ignores both.
fn preflight(asked: &HeaderMap) -> Response {
    const NAMES: HeaderName = header::ACCESS_CONTROL_REQUEST_HEADERS;
    let headers = asked.get(NAMES).cloned().unwrap_or(HEADERS);
    let fields = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, METHODS),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, headers),
        (header::ACCESS_CONTROL_MAX_AGE, MAX_AGE),
        (header::VARY, HeaderValue::from_name(NAMES)),
    ];
    (StatusCode::OK, fields).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listed_origins_get_credentials() {
        let origin = HeaderValue::from_static("https://chat.example");
        let allow = |cors: Cors, origin: &HeaderValue| {
            let headers = cors.headers_for(origin)?;
            let credentials = headers.contains_key(header::ACCESS_CONTROL_ALLOW_CREDENTIALS);
            Some((
                headers[header::ACCESS_CONTROL_ALLOW_ORIGIN].to_str().expect("ascii").to_owned(),
                credentials,
            ))
        };
        let listed = vec!["https://chat.example".to_owned()];
        assert_eq!(allow(Cors::new(vec![], true), &origin), Some(("*".into(), false)));
        assert_eq!(
            allow(Cors::new(listed.clone(), true), &origin),
            Some(("https://chat.example".into(), true))
        );
        assert_eq!(allow(Cors::new(listed, true), &HeaderValue::from_static("https://evil.example")), None);
    }
}
