//! `PUT /conversations/{conversation_id}`: an admin creates or changes a conversation.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::put;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::json;

use super::Api;
use super::caller::Admin;
use super::error::{ApiError, Code};
use super::json_body::read_json;
use crate::message::{ConversationId, UserId};
use crate::store::Put;
use crate::upload::BindingError;

/// The most participants that a conversation may have.
const MAX_PARTICIPANTS: usize = 1000;
/// The most bytes of a body: room for the most participants, each with the longest id, escaped as JSON.
const MAX_BODY_BYTES: usize = 1024 * 1024;

/// The route of conversations.
pub(crate) fn routes() -> Router<Api> {
    Router::new().route("/conversations/{conversation_id}", put(put_conversation))
}

/// The conversation id in a path.
///
/// # Errors
/// 400 `Invalid conversation_id`.
pub(crate) fn conversation_id(path: Result<Path<String>, PathRejection>) -> Result<ConversationId, ApiError> {
    let id = path.ok().and_then(|Path(text)| text.parse().ok());
    Ok(id.ok_or(BindingError::ConversationId)?)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    participants: Vec<String>,
}

async fn put_conversation(
    State(api): State<Api>,
    _: Admin,
    path: Result<Path<String>, PathRejection>,
    body: Body,
) -> Result<Response, ApiError> {
    let id = conversation_id(path)?;
    let request: Request = read_json(body, MAX_BODY_BYTES, api.0.body_idle).await?;
    let participants = participants(&request.participants)?;
    let status = match api.0.chats.put(id, &participants).await? {
        Put::Made => StatusCode::CREATED,
        Put::Changed => StatusCode::OK,
    };
    let names: Vec<_> = participants.iter().map(UserId::as_str).collect();
    let body = json!({ "conversation_id": id.to_string(), "participants": names });
    Ok((status, Json(body)).into_response())
}

/// The participants in the given order, each once.
fn participants(names: &[String]) -> Result<Vec<UserId>, ApiError> {
    let invalid = |detail: String| ApiError::bad_request(Code::InvalidParticipants, detail);
    let mut seen = BTreeSet::new();
    let mut participants = Vec::new();
    for name in names {
        let user: UserId = name.parse().map_err(|_| invalid("Invalid participant".into()))?;
        if seen.insert(name) {
            participants.push(user);
        }
    }
    match participants.len() {
        0 => Err(invalid("A conversation has participants".into())),
        1..=MAX_PARTICIPANTS => Ok(participants),
        _ => Err(invalid(format!("A conversation has at most {MAX_PARTICIPANTS} participants"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::tests::{ADA, BOB, CONVERSATION, Chat};

    const PATH: &str = "/conversations/507f1f77bcf86cd7994390aa";

    #[tokio::test]
    async fn an_admin_makes_and_changes_conversations() {
        let chat = Chat::new(routes()).await;
        for (body, status, participants) in [
            (r#"{"participants":["a"]}"#, 201, json!(["a"])),
            (r#"{"participants":["b","a","b"]}"#, 200, json!(["b", "a"])),
        ] {
            let answer = chat.admin("PUT", PATH, body).await;
            assert_eq!(answer.status, status, "{body}");
            let expected =
                json!({ "conversation_id": "507f1f77bcf86cd7994390aa", "participants": participants });
            assert_eq!(answer.json(), expected);
        }
    }

    #[tokio::test]
    async fn nobody_else_does() {
        let chat = Chat::new(routes()).await;
        let body = r#"{"participants":["a"]}"#;
        for (user, status, detail) in [
            (None, 401, "Missing access token"),
            (Some(ADA), 403, "Admin scope required"),
            (Some(BOB), 403, "Admin scope required"),
        ] {
            let answer = chat.request(user, "PUT", PATH, &[], body).await;
            assert_eq!((answer.status, answer.detail()), (status, detail.to_owned()));
        }
    }

    #[tokio::test]
    async fn anything_else_is_a_bad_request() {
        let chat = Chat::new(routes()).await;
        let many =
            json!({ "participants": (0..=MAX_PARTICIPANTS).map(|n| n.to_string()).collect::<Vec<_>>() });
        let path = format!("/conversations/{CONVERSATION}");
        for body in [
            "",
            "{",
            "[]",
            "{}",
            r#"{"participants":[]}"#,
            r#"{"participants":"a"}"#,
            r#"{"participants":[1]}"#,
            r#"{"participants":[""]}"#,
            r#"{"participants":["a\nb"]}"#,
            r#"{"participants":["a"],"name":"x"}"#,
            r#"{"participants":["a"],"participants":["b"]}"#,
            &many.to_string(),
            &format!(r#"{{"participants":["a"]}}{}"#, " ".repeat(MAX_BODY_BYTES)),
        ] {
            let answer = chat.admin("PUT", &path, body).await;
            assert_eq!(answer.status, 400, "{:.60}", body);
            assert!(!answer.detail().is_empty());
        }
        for path in ["/conversations/x", "/conversations/%ff", "/conversations/507f1f77bcf86cd79943901"] {
            let answer = chat.admin("PUT", path, r#"{"participants":["a"]}"#).await;
            assert_eq!((answer.status, answer.detail()), (400, "Invalid conversation_id".into()), "{path}");
        }
    }
}
