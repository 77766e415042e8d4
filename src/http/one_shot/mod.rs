//! `POST /messages/upload`: a file and its message in one multipart request, for clients without tus.

mod body;
mod boundary;
mod draft;
mod file_name;
mod form;
#[cfg(fuzzing)]
mod fuzz;

#[cfg(fuzzing)]
pub use fuzz::fuzz_form;

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::header::{CONTENT_LENGTH, HeaderMap};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};

use self::draft::Draft;
use self::form::{FORM_SLACK_BYTES, Form};
use super::Api;
use super::caller::Caller;
use super::error::{ApiError, Code};
use super::outside::Outside;
use super::success::Sent;
use crate::upload::decimal;
use crate::uploads::UploadError;

/// Header that generic clients send for `client_message_id`.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// The route of one-shot uploads.
pub(crate) fn routes() -> Router<Api> {
    Router::new().route("/messages/upload", post(post_message))
}

/// Refuses whatever can be refused without reading the body; then the order of the form's fields decides.
async fn post_message(
    State(api): State<Api>,
    Caller(caller): Caller,
    query: Result<Query<Vec<(String, String)>>, QueryRejection>,
    outside: Outside,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let api = &*api.0;
    api.uploads.take_new()?;
    let mut draft = Draft::new(api, caller.user, announced(&headers));
    let Query(query) = query.map_err(|_| ApiError::bad_request(Code::InvalidQuery, "Invalid query"))?;
    for (_, text) in query.iter().filter(|(name, _)| name == "conversation_id") {
        draft.name_conversation(text).await?;
    }
    if let Some(key) = headers.get(IDEMPOTENCY_KEY) {
        draft.name_message(unquoted(&String::from_utf8_lossy(key.as_bytes())))?;
    }
    refuse_too_large(&headers, api.max_oneshot_size)?;
    let mut form = Form::open(&headers, body, api.max_oneshot_size, api.body_idle)?;
    while let Some(event) = form.next().await? {
        draft.take(event).await?;
    }
    let message = draft.finish().await?;
    Ok(Json(Sent::of(outside.message(&message))).into_response())
}

/// The length of the form, if the client announces it.
fn announced(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH).and_then(|value| decimal(value.to_str().ok()?).ok())
}

/// Refuses a body that is too long to have a file of an allowed size.
fn refuse_too_large(headers: &HeaderMap, max_size: u64) -> Result<(), ApiError> {
    match announced(headers) {
        Some(length) if length > max_size.saturating_add(FORM_SLACK_BYTES) => {
            Err(UploadError::TooLarge(max_size).into())
        }
        _ => Ok(()),
    }
}

/// The idempotency key without quotes: its draft standard demands them, and most clients send none.
fn unquoted(key: &str) -> &str {
    key.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(key)
}

#[cfg(test)]
mod tests;
