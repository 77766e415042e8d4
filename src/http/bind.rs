//! `POST /messages`: makes the message of an upload that was created without a conversation.

use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::json;

use super::Api;
use super::caller::Caller;
use super::error::{ApiError, Code};
use super::json_body::read_json;
use super::outside::Outside;
use super::status::Status;
use super::success::Sent;
use crate::message::ClientMessageId;
use crate::upload::{Binding, BindingError, MetadataError, content_of, reply_to_of};
use crate::uploads::{Standing, UploadError};

/// The most bytes of a body: room for the longest caption, escaped as JSON.
const MAX_BODY_BYTES: usize = 64 * 1024;

pub(super) fn routes() -> Router<Api> {
    Router::new().route("/messages", post(bind))
}

#[derive(Deserialize)]
struct Request {
    upload_id: Option<String>,
    conversation_id: Option<String>,
    content: Option<String>,
    reply_to: Option<String>,
    client_message_id: Option<String>,
}

/// Binds an upload: 200 with the message if it is complete; 202 if it is still running, as its last byte will
/// make the message.
async fn bind(
    State(api): State<Api>,
    Caller(caller): Caller,
    outside: Outside,
    body: Body,
) -> Result<Response, ApiError> {
    let request: Request = read_json(body, MAX_BODY_BYTES, api.0.body_idle).await?;
    let binding = binding_of(&request)?;
    api.uploads().may_send(&caller.user, binding.conversation_id).await?;
    let missing = || ApiError::bad_request(Code::MissingUploadId, "Missing upload_id");
    let id = request.upload_id.ok_or_else(missing)?;
    let id = id.parse().map_err(|_| UploadError::NotFound)?;
    let standing = api.uploads().bind(&caller.user, id, binding).await?;
    Ok(reply_to(&standing, &outside))
}

fn binding_of(request: &Request) -> Result<Binding, ApiError> {
    let conversation_id = request.conversation_id.as_deref().ok_or_else(ApiError::missing_conversation)?;
    let conversation_id = conversation_id.parse().map_err(|_| BindingError::ConversationId)?;
    let client_message_id = ClientMessageId::given(request.client_message_id.as_deref().unwrap_or_default());
    Ok(Binding {
        conversation_id,
        content: content_of(request.content.as_deref())?,
        reply_to: reply_to_of(request.reply_to.as_deref())?,
        client_message_id: client_message_id.map_err(MetadataError::from)?,
    })
}

fn reply_to(standing: &Standing, outside: &Outside) -> Response {
    match &standing.message {
        Some(message) => Json(Sent::of(outside.message(message))).into_response(),
        None => {
            let body = json!({"success": true, "message": null, "upload": Status::of(standing, outside)});
            (StatusCode::ACCEPTED, Json(body)).into_response()
        }
    }
}
