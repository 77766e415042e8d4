//! `GET /conversations/{conversation_id}/uploads`: the uploads being sent there now, as the events show them.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;

use super::Api;
use super::caller::Caller;
use super::conversations::conversation_id;
use super::error::ApiError;
use crate::message::{MessageId, MessageKind};
use crate::store::Progress;

/// The route of uploads being sent.
pub(super) fn routes() -> Router<Api> {
    Router::new().route("/conversations/{conversation_id}/uploads", get(list))
}

/// An upload in progress, in an event and in the list.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct LiveUpload<'a> {
    upload_id: String,
    conversation_id: String,
    sender: &'a str,
    own: bool,
    file_name: &'a str,
    mime_type: &'a str,
    #[serde(rename = "type")]
    kind: MessageKind,
    offset: u64,
    length: Option<u64>,
    percent: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    paused: Option<bool>,
}

impl<'a> LiveUpload<'a> {
    /// The upload as its sender (`own`) or another member reads it.
    pub(crate) fn of(progress: &'a Progress, own: bool) -> Self {
        Self {
            upload_id: progress.upload_id.to_string(),
            conversation_id: progress.conversation_id.to_string(),
            sender: progress.sender.as_str(),
            own,
            file_name: &progress.file_name,
            mime_type: &progress.mime_type,
            kind: progress.kind,
            offset: progress.offset,
            length: progress.length,
            percent: progress.percent(),
            message_id: None,
            paused: None,
        }
    }

    /// The upload with the message that it became.
    pub(crate) fn became(self, message: Option<MessageId>) -> Self {
        Self { message_id: message.map(|id| id.to_string()), ..self }
    }

    fn paused(self, is_paused: bool) -> Self {
        Self { paused: Some(is_paused), ..self }
    }
}

#[derive(Serialize)]
struct List<'a> {
    uploads: Vec<LiveUpload<'a>>,
}

async fn list(
    State(api): State<Api>,
    Caller(caller): Caller,
    path: Result<Path<String>, PathRejection>,
) -> Result<Response, ApiError> {
    let sending = api.uploads().sending_in(&caller.user, conversation_id(path)?).await?;
    let uploads = sending.iter().map(|sending| {
        LiveUpload::of(&sending.progress, sending.progress.sender == caller.user).paused(sending.is_paused)
    });
    Ok(Json(List { uploads: uploads.collect() }).into_response())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::upload::UploadId;

    #[test]
    fn a_live_upload_has_a_message_only_once_there_is_one() {
        let progress = Progress {
            upload_id: UploadId::from_bytes([1; 16]),
            conversation_id: "507f1f77bcf86cd799439012".parse().expect("valid"),
            sender: "user@example.com".parse().expect("valid"),
            file_name: "a.mp4".into(),
            mime_type: "video/mp4".into(),
            kind: MessageKind::Video,
            offset: 1,
            length: None,
        };
        let expected = json!({
            "upload_id": "01010101010101010101010101010101",
            "conversation_id": "507f1f77bcf86cd799439012", "sender": "user@example.com", "own": false,
            "file_name": "a.mp4", "mime_type": "video/mp4", "type": "video",
            "offset": 1, "length": null, "percent": 0
        });
        let json = |event: LiveUpload<'_>| serde_json::to_value(event).expect("serializable");
        assert_eq!(json(LiveUpload::of(&progress, false)), expected);
        let finished = LiveUpload::of(&progress, true).became(Some(MessageId::from_bytes([2; 12])));
        assert_eq!(json(finished.clone())["message_id"], "020202020202020202020202");
        assert_eq!(json(finished)["own"], true);
    }
}
