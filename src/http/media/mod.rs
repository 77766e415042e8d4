//! `GET` and `HEAD /uploads/chats/{message_id}/{filename}`: a message's file, for participants with a token
//! and for clients with a link.

mod accel;
mod by_link;
mod presentation;
mod redirect;
mod types;

use axum::Router;
use axum::extract::{FromRequestParts, Path, Request, State};
use axum::http::header::{HeaderMap, HeaderName, HeaderValue};
use axum::http::request::Parts;
use axum::response::Response;
use axum::routing::get;
use futures_util::TryStreamExt;

pub(crate) use presentation::presentation;
pub use types::Types;

use super::Api;
use super::caller::Caller;
use super::error::{ApiError, Code};
use super::range::{Representation, respond};
use crate::message::{Message, MessageId, SNIFFED_BYTES, inline_type, inline_type_of, is_same_file_name};

/// `Repr-Digest` (RFC 9530 §3).
const REPR_DIGEST: HeaderName = HeaderName::from_static("repr-digest");

/// The route of media; axum sends a `HEAD` there as well.
pub(crate) fn routes() -> Router<Api> {
    Router::new().route("/uploads/chats/{message_id}/{filename}", get(get_media))
}

async fn get_media(State(api): State<Api>, request: Request) -> Result<Response, ApiError> {
    let (mut parts, _) = request.into_parts();
    if by_link::is_presented(&parts) {
        return Ok(by_link::get(&api, parts).await);
    }
    let Caller(caller) = Caller::from_request_parts(&mut parts, &api).await?;
    let absent = || ApiError::not_found(Code::FileNotFound, "File not found");
    let (id, file_name) = named(&mut parts).await.ok_or_else(absent)?;
    let message = api.0.chats.message(&caller.user, id).await?;
    if !is_same_file_name(&file_name, &message.stored_name) {
        return Err(absent());
    }
    file(&api, &message, &parts).await
}

/// The message and the file that the path names.
async fn named(parts: &mut Parts) -> Option<(MessageId, String)> {
    let Path((id, file_name)) = Path::<(String, String)>::from_request_parts(parts, &()).await.ok()?;
    Some((id.parse().ok()?, file_name))
}

async fn file(api: &Api, message: &Message, parts: &Parts) -> Result<Response, ApiError> {
    let description = description(message, inline(api, message).await?);
    if api.0.redirects_media
        && let Some(redirect) = redirect::to_store(&api.0.chats, message, parts, &description).await?
    {
        return Ok(redirect);
    }
    let read = |range| api.0.chats.media(message, range);
    let mut response = respond(&parts.method, &parts.headers, &representation(message), read).await?;
    response.headers_mut().extend(description);
    if let Some(prefix) = &api.0.media_prefix {
        accel::hand_over(prefix, message, parts, &mut response);
    }
    Ok(response)
}

/// The type under which the file may be shown, by its name and by its first bytes.
async fn inline(api: &Api, message: &Message) -> Result<Option<&'static str>, ApiError> {
    let Some(named) = inline_type(message) else { return Ok(None) };
    let first = 0..message.file_size.min(SNIFFED_BYTES);
    if first.is_empty() {
        return Ok(Some(named));
    }
    if let Some(shown) = api.0.types.get(message.id) {
        return Ok(shown);
    }
    let first: Vec<_> = api.0.chats.media(message, first).await?.try_collect().await?;
    let shown = inline_type_of(named, &first.concat());
    api.0.types.insert(message.id, shown);
    Ok(shown)
}

/// The representation of a message's file, which never changes: the message's id is its version.
fn representation(message: &Message) -> Representation {
    let etag = format!("\"{}-{:x}\"", message.id, message.file_size);
    Representation { length: message.file_size, etag, modified: Some(message.created_at) }
}

fn description(message: &Message, inline: Option<&str>) -> HeaderMap {
    let mut headers = presentation(inline, &message.stored_name);
    if let Some(sha256) = message.sha256 {
        let digest = format!("sha-256=:{}:", data_encoding::BASE64.encode(&sha256));
        headers.insert(REPR_DIGEST, HeaderValue::from_str(&digest).expect("base64 is ASCII"));
    }
    headers
}

#[cfg(test)]
mod tests;
