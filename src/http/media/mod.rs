//! `GET` and `HEAD /uploads/chats/{message_id}/{filename}`: a message's file, for the participants.

mod presentation;

use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::Method;
use axum::http::header::{HeaderMap, HeaderName, HeaderValue};
use axum::response::Response;
use axum::routing::get;

pub(crate) use presentation::presentation;

use super::Api;
use super::caller::Caller;
use super::error::{ApiError, Code};
use super::range::{Representation, respond};
use crate::message::{Message, MessageId, inline_type, is_same_file_name};

/// RFC 9530 §3.
const REPR_DIGEST: HeaderName = HeaderName::from_static("repr-digest");

/// The route; axum sends a `HEAD` there as well.
pub(crate) fn routes() -> Router<Api> {
    Router::new().route("/uploads/chats/{message_id}/{filename}", get(get_media))
}

async fn get_media(
    State(api): State<Api>,
    Caller(caller): Caller,
    path: Result<Path<(String, String)>, PathRejection>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let absent = || ApiError::not_found(Code::FileNotFound, "File not found");
    let Path((id, file_name)) = path.map_err(|_| absent())?;
    let id: MessageId = id.parse().map_err(|_| absent())?;
    let message = api.0.chats.message(&caller.user, id).await?;
    if !is_same_file_name(&file_name, &message.stored_name) {
        return Err(absent());
    }
    let read = |range| api.0.chats.media(&message, range);
    let mut response = respond(&method, &headers, &representation(&message), read).await?;
    response.headers_mut().extend(description(&message));
    Ok(response)
}

/// A message's file never changes, so its identity is the version.
fn representation(message: &Message) -> Representation {
    let etag = format!("\"{}-{:x}\"", message.id, message.file_size);
    Representation { length: message.file_size, etag, modified: Some(message.created_at) }
}

fn description(message: &Message) -> HeaderMap {
    let mut headers = presentation(inline_type(message), &message.stored_name);
    if let Some(sha256) = message.sha256 {
        let digest = format!("sha-256=:{}:", data_encoding::BASE64.encode(&sha256));
        headers.insert(REPR_DIGEST, HeaderValue::from_str(&digest).expect("base64 is ASCII"));
    }
    headers
}

#[cfg(test)]
mod tests;
