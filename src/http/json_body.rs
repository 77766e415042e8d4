//! JSON request bodies: bounded, and refused in the same words as everything else.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use super::error::{ApiError, Code};
use crate::json::whole_characters;
use crate::uploads::UploadError;

/// Reads a body of at most `limit_bytes` that comes within `patience`. Its `Content-Type` does not matter.
///
/// # Errors
/// 400 if the body is not what is expected, or longer; 408 if it takes too long.
pub(crate) async fn read_json<T: DeserializeOwned>(
    body: Body,
    limit_bytes: usize,
    patience: Duration,
) -> Result<T, ApiError> {
    parse(read(body, limit_bytes, patience).await?)
}

/// Reads a body like [`read_json`], but takes an empty body as an empty object.
///
/// # Errors
/// As [`read_json`].
pub(crate) async fn read_json_if_any<T: DeserializeOwned + Default>(
    body: Body,
    limit_bytes: usize,
    patience: Duration,
) -> Result<T, ApiError> {
    let bytes = read(body, limit_bytes, patience).await?;
    if bytes.is_empty() { Ok(T::default()) } else { parse(bytes) }
}

async fn read(body: Body, limit_bytes: usize, patience: Duration) -> Result<Bytes, ApiError> {
    let read = tokio::time::timeout(patience, to_bytes(body, limit_bytes)).await;
    read.map_err(|_| UploadError::BodyIdle)?
        .map_err(|_| invalid(format!("The request body broke off or is longer than {limit_bytes} bytes")))
}

fn parse<T: DeserializeOwned>(bytes: Bytes) -> Result<T, ApiError> {
    let bytes = whole_characters(bytes);
    let mut deserializer = serde_json::Deserializer::from_slice(&bytes);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| refusal(&error))?;
    deserializer.end().map_err(|_| not_expected())?;
    Ok(value)
}

/// Names the wrong field, which the server knows; the parser's own words would quote what the client sent.
fn refusal(error: &serde_path_to_error::Error<serde_json::Error>) -> ApiError {
    let path = error.path().to_string();
    match error.inner().classify() {
        Category::Data if path != "." => ApiError::bad_request(Code::InvalidField, format!("Invalid {path}")),
        _ => not_expected(),
    }
}

fn not_expected() -> ApiError {
    invalid("The request body is not the expected JSON".to_owned())
}

fn invalid(detail: String) -> ApiError {
    ApiError::bad_request(Code::InvalidBody, detail)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Expected {
        text: Option<String>,
        list: Option<Vec<String>>,
    }

    async fn read_text(body: &str) -> Result<Expected, ApiError> {
        read_json(Body::from(body.to_owned()), 1000, Duration::from_secs(5)).await
    }

    #[tokio::test]
    async fn half_a_character_is_read_as_u_fffd() {
        for (body, text) in [
            (r#"{"text":"a\ud83d"}"#, "a\u{fffd}"),
            (r#"{"\ud83d":"\ud83d","text":"\ude00\ud83d\ude00"}"#, "\u{fffd}😀"),
        ] {
            let read = read_text(body).await.expect(body);
            assert_eq!(read.text.as_deref(), Some(text));
        }
    }

    #[tokio::test]
    async fn a_wrong_field_is_named() {
        let not_expected = "The request body is not the expected JSON";
        for (body, detail) in [
            (r#"{"text":7}"#, "Invalid text"),
            (r#"{"text":{"secret":1}}"#, "Invalid text"),
            (r#"{"list":"a"}"#, "Invalid list"),
            (r#"{"list":["a",1]}"#, "Invalid list[1]"),
            (r#"{"text":"#, not_expected),
            (r#"{"text":"a"}}"#, not_expected),
            (r#"{"text":"\u00"}"#, not_expected),
            ("[]", not_expected),
            ("7", not_expected),
            ("", not_expected),
        ] {
            let code = if detail == not_expected { Code::InvalidBody } else { Code::InvalidField };
            assert_eq!(read_text(body).await, Err(ApiError::bad_request(code, detail)), "{body}");
        }
    }
}
