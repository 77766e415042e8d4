//! Request bodies that are JSON: bounded, and wrong in the same words as everything else.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use serde::de::DeserializeOwned;

use super::error::ApiError;
use crate::uploads::UploadError;

/// Reads a body of at most `limit_bytes` that comes within `patience`. Its `Content-Type` does not matter.
///
/// # Errors
/// 400 if it is not what is expected, or longer; 408 if it takes too long.
pub(crate) async fn read_json<T: DeserializeOwned>(
    body: Body,
    limit_bytes: usize,
    patience: Duration,
) -> Result<T, ApiError> {
    let bytes = tokio::time::timeout(patience, to_bytes(body, limit_bytes))
        .await
        .map_err(|_| UploadError::BodyIdle)?
        .map_err(|_| ApiError::bad_request("The request body broke off or is too long"))?;
    // The parser's own words would quote what the client sent.
    serde_json::from_slice(&bytes)
        .map_err(|_| ApiError::bad_request("The request body is not the expected JSON"))
}
