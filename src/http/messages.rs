//! Reading messages: one, or a page of a conversation.

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;

use super::Api;
use super::caller::Caller;
use super::conversations::conversation_id;
use super::error::{ApiError, Code};
use super::outside::Outside;
use crate::chats::Stretch;
use crate::message::{MessageBody, MessageId};
use crate::upload::decimal;

/// The most messages of a page.
const MAX_LIMIT: u64 = 200;
/// How many messages a page has if the request sets no limit.
const DEFAULT_LIMIT: usize = 50;

/// The routes of messages.
pub(crate) fn routes() -> Router<Api> {
    Router::new()
        .route("/messages/{message_id}", get(get_message))
        .route("/conversations/{conversation_id}/messages", get(get_page))
}

#[derive(Serialize)]
struct PageBody<'a> {
    messages: Vec<MessageBody<'a>>,
    next: Option<String>,
}

async fn get_message(
    State(api): State<Api>,
    Caller(caller): Caller,
    outside: Outside,
    path: Result<Path<String>, PathRejection>,
) -> Result<Response, ApiError> {
    let id = message_id(path)?;
    let message = api.0.chats.message(&caller.user, id).await?;
    Ok(Json(outside.message(&message)).into_response())
}

/// The message id in a path.
pub(super) fn message_id(path: Result<Path<String>, PathRejection>) -> Result<MessageId, ApiError> {
    let id = path.ok().and_then(|Path(text)| text.parse().ok());
    id.ok_or_else(|| ApiError::bad_request(Code::InvalidMessageId, "Invalid message_id"))
}

async fn get_page(
    State(api): State<Api>,
    Caller(caller): Caller,
    outside: Outside,
    path: Result<Path<String>, PathRejection>,
    query: Result<Query<Vec<(String, String)>>, QueryRejection>,
) -> Result<Response, ApiError> {
    let id = conversation_id(path)?;
    let Query(query) = query.map_err(|_| ApiError::bad_request(Code::InvalidQuery, "Invalid query"))?;
    let stretch = Stretch { before: message(&query, "before")?, after: message(&query, "after")? };
    let page = api.0.chats.page(&caller.user, id, stretch, limit(&query)?).await?;
    let messages = page.messages.iter().map(|message| outside.message(message)).collect();
    let next = page.next.map(|id| id.to_string());
    Ok(Json(PageBody { messages, next }).into_response())
}

fn message(query: &[(String, String)], name: &str) -> Result<Option<MessageId>, ApiError> {
    let invalid = |_| ApiError::bad_request(Code::InvalidQuery, format!("Invalid {name}"));
    only(query, name)?.map(|text| text.parse().map_err(invalid)).transpose()
}

fn limit(query: &[(String, String)]) -> Result<usize, ApiError> {
    let Some(text) = only(query, "limit")? else {
        return Ok(DEFAULT_LIMIT);
    };
    let limit = decimal(text).ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
    limit.and_then(|limit| usize::try_from(limit).ok()).ok_or_else(|| {
        ApiError::bad_request(Code::InvalidQuery, format!("limit is a number from 1 to {MAX_LIMIT}"))
    })
}

/// The value of a query parameter. Given twice it is refused, as it is not clear which value is meant.
fn only<'a>(query: &'a [(String, String)], name: &str) -> Result<Option<&'a str>, ApiError> {
    let mut values = query.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let value = values.next();
    match values.next() {
        None => Ok(value),
        Some(_) => Err(ApiError::bad_request(Code::InvalidQuery, format!("{name} is given twice"))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::base_path::BasePath;
    use crate::http::tests::{ADA, BOB, CONVERSATION, Chat, EVE};

    #[tokio::test]
    async fn a_participant_reads_a_message() {
        let chat = Chat::new(routes()).await;
        let stored = chat.send_file("a.mp4", b"film").await;
        let path = format!("/messages/{}", stored.id);
        for user in [ADA, BOB] {
            let answer = chat.get(user, &path).await;
            assert_eq!(answer.status, 200);
            assert_eq!(
                answer.json(),
                serde_json::to_value(stored.body(&BasePath::default(), None)).expect("serializable")
            );
        }
        for (user, path, status, detail) in [
            (Some(EVE), path.as_str(), 404, "Message not found"),
            (None, &path, 401, "Missing access token"),
            (Some(ADA), "/messages/507f1f77bcf86cd7994390ff", 404, "Message not found"),
            (Some(ADA), "/messages/x", 400, "Invalid message_id"),
            (Some(ADA), "/messages/%ff", 400, "Invalid message_id"),
        ] {
            let answer = chat.request(user, "GET", path, &[], "").await;
            assert_eq!((answer.status, answer.detail()), (status, detail.to_owned()), "{path}");
        }
    }

    #[tokio::test]
    async fn pages_go_from_the_newest_to_the_oldest() {
        let chat = Chat::new(routes()).await;
        let mut newest_first = Vec::new();
        for _ in 0..5 {
            newest_first.insert(0, json!(chat.send_file("a.mp4", b"film").await.id.to_string()));
        }
        let mut before = String::new();
        for (expected, has_next) in
            [(&newest_first[..2], true), (&newest_first[2..4], true), (&newest_first[4..], false)]
        {
            let path = format!("/conversations/{CONVERSATION}/messages?limit=2{before}");
            let json = chat.get(ADA, &path).await.json();
            let messages = json["messages"].as_array().expect("a list").iter();
            assert_eq!(messages.map(|message| message["_id"].clone()).collect::<Vec<_>>(), expected);
            assert_eq!(json["next"].is_string(), has_next);
            before = format!("&before={}", json["next"].as_str().unwrap_or_default());
        }
        let all = chat.get(ADA, &format!("/conversations/{CONVERSATION}/messages")).await;
        assert_eq!(all.json()["messages"].as_array().map(Vec::len), Some(5));
        assert_eq!(all.json()["next"], json!(null));
        let exactly = chat.get(ADA, &format!("/conversations/{CONVERSATION}/messages?limit=5")).await;
        assert_eq!(exactly.json()["next"], json!(null), "the last page says so itself");
    }

    #[tokio::test]
    async fn who_was_away_catches_up_page_by_page_without_a_gap() {
        let chat = Chat::new(routes()).await;
        let mut oldest_first = Vec::new();
        for _ in 0..6 {
            oldest_first.push(chat.send_file("a.mp4", b"film").await.id.to_string());
        }
        let page = async |query: String| {
            let page = chat.get(ADA, &format!("/conversations/{CONVERSATION}/messages?{query}")).await.json();
            let ids = page["messages"].as_array().expect("a list").iter();
            let ids: Vec<_> = ids.map(|message| message["_id"].as_str().expect("an id").to_owned()).collect();
            (ids, page["next"].as_str().map(str::to_owned))
        };
        let (mut seen, mut next) = (Vec::new(), Some(oldest_first[0].clone()));
        while let Some(after) = next {
            let (newest_first, further) = page(format!("limit=2&after={after}")).await;
            seen.extend(newest_first.into_iter().rev());
            next = further;
        }
        assert_eq!(seen, oldest_first[1..]);
        let (between, next) = page(format!("after={}&before={}", oldest_first[1], oldest_first[4])).await;
        assert_eq!((between, next), (vec![oldest_first[3].clone(), oldest_first[2].clone()], None));
        assert_eq!(page(format!("after={}", oldest_first[5])).await, (vec![], None));
    }

    #[tokio::test]
    async fn what_is_wrong_with_a_page_is_said() {
        let chat = Chat::new(routes()).await;
        let bad_limit = "limit is a number from 1 to 200";
        for (user, path, status, detail) in [
            (None, format!("{CONVERSATION}/messages"), 401, "Missing access token"),
            (Some(ADA), "x/messages".into(), 400, "Invalid conversation_id"),
            (Some(ADA), "507f1f77bcf86cd7994390ff/messages".into(), 404, "Conversation not found"),
            (
                Some(EVE),
                format!("{CONVERSATION}/messages"),
                403,
                "You are not a participant in this conversation",
            ),
            (Some(ADA), format!("{CONVERSATION}/messages?limit=0"), 400, bad_limit),
            (Some(ADA), format!("{CONVERSATION}/messages?limit=201"), 400, bad_limit),
            (Some(ADA), format!("{CONVERSATION}/messages?limit=%2B1"), 400, bad_limit),
            (Some(ADA), format!("{CONVERSATION}/messages?limit="), 400, bad_limit),
            (Some(ADA), format!("{CONVERSATION}/messages?limit=1&limit=2"), 400, "limit is given twice"),
            (Some(ADA), format!("{CONVERSATION}/messages?before=x"), 400, "Invalid before"),
            (Some(ADA), format!("{CONVERSATION}/messages?after="), 400, "Invalid after"),
        ] {
            let answer = chat.request(user, "GET", &format!("/conversations/{path}"), &[], "").await;
            assert_eq!((answer.status, answer.detail()), (status, detail.to_owned()), "{path}");
        }
        let ok = chat.get(ADA, &format!("/conversations/{CONVERSATION}/messages?limit=200&other=1")).await;
        assert_eq!(ok.json(), json!({ "messages": [], "next": null }));
    }
}
