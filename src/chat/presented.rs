//! The data that a client presents when it connects: its token, and the last message it knows.

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
use crate::message::MessageId;

/// The most bytes of a handshake's `auth` that are read. The sender has no user yet; the longest token has
/// room.
const MAX_AUTH_BYTES: usize = 2 * MAX_TOKEN_BYTES;

/// The data that a client presents in the handshake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Presented {
    /// The first token found in `auth.token`, `auth.access_token`, the `Authorization` header or `?token=`.
    pub(super) token: Option<String>,
    /// The last message that the client knows, `auth.after`.
    pub(super) after: After,
}

/// The last message that a client knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum After {
    /// The client names none.
    #[default]
    Nothing,
    /// The client names something that is no message id.
    Unreadable,
    /// The message of this id.
    Message(MessageId),
}

impl FromConnectParts<LocalAdapter> for Presented {
    type Error = Infallible;

    fn from_connect_parts(
        socket: &Arc<Socket<LocalAdapter>>,
        auth: &Option<Value>,
    ) -> Result<Self, Infallible> {
        let auth = auth.as_ref().and_then(Value::as_str).map_or("", |text| text.as_str());
        let request = socket.req_parts();
        let (token, after) = in_auth(auth);
        let token = token.or_else(|| in_headers(&request.headers)).or_else(|| in_query(request.uri.query()));
        Ok(Self { token, after })
    }
}

fn in_auth(auth: &str) -> (Option<String>, After) {
    #[derive(Deserialize)]
    struct Auth<'a> {
        #[serde(borrow, default)]
        token: Field<'a>,
        #[serde(borrow, default)]
        access_token: Field<'a>,
        #[serde(borrow, default)]
        after: Field<'a>,
    }
    if auth.len() > MAX_AUTH_BYTES {
        return Default::default();
    }
    let auth = whole_characters(Bytes::copy_from_slice(auth.as_bytes()));
    let Ok(auth) = serde_json::from_slice::<Auth<'_>>(&auth) else { return Default::default() };
    let present = |field: Field<'_>| match field {
        Field::Text(token) if !token.is_empty() => Some(bare(&token).to_owned()),
        _ => None,
    };
    let after = match auth.after {
        Field::Absent => After::Nothing,
        Field::Text(id) if id.is_empty() => After::Nothing,
        Field::Text(id) => id.parse().map_or(After::Unreadable, After::Message),
        Field::Other => After::Unreadable,
    };
    (present(auth.token).or_else(|| present(auth.access_token)), after)
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

/// The token without a scheme: many clients write one here as they do in the header.
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
            assert_eq!(in_auth(auth), (token.map(str::to_owned), After::Nothing), "{auth}");
        }
        let long = format!(r#"{{"token":"{}"}}"#, "x".repeat(MAX_AUTH_BYTES));
        assert_eq!(in_auth(&long), (None, After::Nothing));
    }

    #[test]
    fn auth_may_have_the_last_known_message() {
        let known = After::Message("507f1f77bcf86cd799439011".parse().expect("valid"));
        for (auth, after) in [
            (r#"{"token":"a","after":"507f1f77bcf86cd799439011"}"#, known),
            (r#"{"after":"507F1F77BCF86CD799439011","token":"a"}"#, known),
            (r#"{"token":"a","after":null}"#, After::Nothing),
            (r#"{"token":"a","after":""}"#, After::Nothing),
            (r#"{"token":"a","after":"507f1f77bcf86cd79943901"}"#, After::Unreadable),
            (r#"{"token":"a","after":"\ud83d"}"#, After::Unreadable),
            (r#"{"token":"a","after":7}"#, After::Unreadable),
            (r#"{"token":"a","after":["507f1f77bcf86cd799439011"]}"#, After::Unreadable),
        ] {
            assert_eq!(in_auth(auth), (Some("a".to_owned()), after), "{auth}");
        }
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
