//! The token that a connection presents.

use std::convert::Infallible;
use std::sync::Arc;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use bytes::Bytes;
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use socketioxide::adapter::LocalAdapter;
use socketioxide::handler::{FromConnectParts, Value};
use socketioxide::socket::Socket;

use super::field::Field;
use crate::auth::{MAX_TOKEN_BYTES, bearer};
use crate::json::whole_characters;

/// The most bytes of a handshake's `auth` that are read, whose sender is a stranger yet: room for the longest token.
const MAX_AUTH_BYTES: usize = 2 * MAX_TOKEN_BYTES;

/// The token in `auth.token`, `auth.access_token`, the `Authorization` header or `?token=`: the first of them
/// that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PresentedToken(pub(super) Option<String>);

impl FromConnectParts<LocalAdapter> for PresentedToken {
    type Error = Infallible;

    fn from_connect_parts(
        socket: &Arc<Socket<LocalAdapter>>,
        auth: &Option<Value>,
    ) -> Result<Self, Infallible> {
        let auth = auth.as_ref().and_then(Value::as_str).map_or("", |text| text.as_str());
        let request = socket.req_parts();
        Ok(Self(
            in_auth(auth).or_else(|| in_headers(&request.headers)).or_else(|| in_query(request.uri.query())),
        ))
    }
}

fn in_auth(auth: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Auth<'a> {
        #[serde(borrow, default)]
        token: Field<'a>,
        #[serde(borrow, default)]
        access_token: Field<'a>,
    }
    if auth.len() > MAX_AUTH_BYTES {
        return None;
    }
    let auth = whole_characters(Bytes::copy_from_slice(auth.as_bytes()));
    let auth: Auth<'_> = serde_json::from_slice(&auth).ok()?;
    let present = |field: Field<'_>| match field {
        Field::Text(token) if !token.is_empty() => Some(bare(&token).to_owned()),
        _ => None,
    };
    present(auth.token).or_else(|| present(auth.access_token))
}

fn in_headers(headers: &HeaderMap) -> Option<String> {
    let token = bearer(headers.get(AUTHORIZATION)?.to_str().ok()?).ok()?;
    Some(token.to_owned())
}

fn in_query(query: Option<&str>) -> Option<String> {
    let token = query?.split('&').find_map(|pair| pair.strip_prefix("token="))?;
    let token = percent_decode_str(token).decode_utf8().ok()?;
    (!token.is_empty()).then(|| bare(&token).to_owned())
}

/// A token without the scheme that many clients put before it, here as in the header.
fn bare(token: &str) -> &str {
    bearer(token).unwrap_or(token)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn auth_has_the_token_under_either_name() {
        for (auth, token) in [
            (r#"{"token":"a"}"#, Some("a")),
            (r#"{"access_token":"a"}"#, Some("a")),
            (r#"{"access_token":"b","token":"a","more":[1]}"#, Some("a")),
            (r#"{"token":"","access_token":"b"}"#, Some("b")),
            (r#"{"token":null,"access_token":"b"}"#, Some("b")),
            (r#"{"token":"a","name":"\ud83d","\ud83d":1}"#, Some("a")),
            (r#"{"token":"Bearer a"}"#, Some("a")),
            (r#"{"access_token":"bearer  a "}"#, Some("a")),
            (r#"{"token":"Basic a"}"#, Some("Basic a")),
            (r#"{"token":"Bearer"}"#, Some("Bearer")),
            (r#"{"token":7}"#, None),
            (r#"{"token":["a"]}"#, None),
            (r#"{}"#, None),
            (r#""a""#, None),
            ("{", None),
            ("", None),
        ] {
            assert_eq!(in_auth(auth).as_deref(), token, "{auth}");
        }
        let long = format!(r#"{{"token":"{}"}}"#, "x".repeat(MAX_AUTH_BYTES));
        assert_eq!(in_auth(&long), None);
    }

    #[test]
    fn the_header_is_a_bearer() {
        for (value, token) in [("bearer a", Some("a")), ("Basic a", None), ("a", None)] {
            let headers = HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_static(value))]);
            assert_eq!(in_headers(&headers).as_deref(), token, "{value:?}");
        }
        assert_eq!(in_headers(&HeaderMap::new()), None);
    }

    #[test]
    fn the_query_has_it_percent_encoded() {
        for (query, token) in [
            (Some("EIO=4&token=a.b-c_d&transport=polling"), Some("a.b-c_d")),
            (Some("token=a%2Eb"), Some("a.b")),
            (Some("token=Bearer%20a"), Some("a")),
            (Some("token=BEARER+a"), Some("BEARER+a")),
            (Some("token="), None),
            (Some("access_token=a"), None),
            (Some("token=%ff"), None),
            (Some(""), None),
            (None, None),
        ] {
            assert_eq!(in_query(query).as_deref(), token, "{query:?}");
        }
    }
}
