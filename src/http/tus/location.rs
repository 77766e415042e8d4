//! Absolute URLs, from what the client called us.

use axum::extract::FromRequestParts;
use axum::http::header::HOST;
use axum::http::request::Parts;
use axum::http::uri::Authority;
use std::convert::Infallible;

use crate::http::Api;

/// Scheme and authority of our URLs; empty if the client did not name a host, which makes them relative.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Base(String);

impl Base {
    /// The URL of a path.
    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }
}

impl FromRequestParts<Api> for Base {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Infallible> {
        Ok(Self(base_of(parts, api.trusts_forwarded()).unwrap_or_default()))
    }
}

/// Forwarded headers are anybody's to send, so they count only where a proxy of ours overwrites them.
fn base_of(parts: &Parts, trusts_forwarded: bool) -> Option<String> {
    let header = |name: &str| {
        let text = parts.headers.get(name)?.to_str().ok()?;
        text.split(',').next().map(str::trim).filter(|text| !text.is_empty())
    };
    let forwarded = |name: &str| trusts_forwarded.then(|| header(name)).flatten();
    let host = forwarded("x-forwarded-host")
        .or_else(|| parts.uri.authority().map(Authority::as_str))
        .or_else(|| header(HOST.as_str()))?;
    // What is no authority must not become part of a URL.
    let authority: Authority = host.parse().ok()?;
    let scheme = match forwarded("x-forwarded-proto") {
        Some("https") => "https",
        _ => "http",
    };
    Some(format!("{scheme}://{authority}"))
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    #[test]
    fn the_base_is_what_the_client_called_us() {
        let with = |pairs: &[(&str, &str)], trusts| {
            let mut request = Request::builder().uri("/files");
            for (name, value) in pairs {
                request = request.header(*name, *value);
            }
            base_of(&request.body(()).expect("valid").into_parts().0, trusts)
        };
        let proxied =
            [("host", "in:1"), ("x-forwarded-host", "chat.example"), ("x-forwarded-proto", "https")];
        assert_eq!(with(&[("host", "a:8000")], false).as_deref(), Some("http://a:8000"));
        assert_eq!(with(&proxied, false).as_deref(), Some("http://in:1"));
        assert_eq!(with(&proxied, true).as_deref(), Some("https://chat.example"));
        assert_eq!(with(&[("host", "a b")], false), None);
        assert_eq!(with(&[("host", "a/b?c")], false), None);
        assert_eq!(with(&[], false), None);
    }
}
