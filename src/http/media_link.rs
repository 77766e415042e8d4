//! `POST /messages/{message_id}/media-link`: a fresh link to a message's file, for members.

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};

use super::Api;
use super::caller::Caller;
use super::error::{ApiError, Code};
use super::json_body::read_json_if_any;
use super::messages::message_id;
use super::outside::Outside;
use crate::links::MAX_LINK_SECS;

const MAX_BODY_BYTES: usize = 1024;

/// The route of fresh links.
pub(super) fn routes() -> Router<Api> {
    Router::new().route("/messages/{message_id}/media-link", post(renew))
}

#[derive(Default, Deserialize)]
struct Wanted {
    expires_in: Option<u64>,
}

#[derive(Serialize)]
struct Link {
    url: String,
    expires_at: String,
}

async fn renew(
    State(api): State<Api>,
    Caller(caller): Caller,
    outside: Outside,
    path: Result<Path<String>, PathRejection>,
    body: Body,
) -> Result<Response, ApiError> {
    let id = message_id(path)?;
    let wanted: Wanted = read_json_if_any(body, MAX_BODY_BYTES, api.0.body_idle).await?;
    if wanted.expires_in.is_some_and(|secs| !(1..=MAX_LINK_SECS).contains(&secs)) {
        return Err(ApiError::bad_request(
            Code::InvalidField,
            format!("expires_in is a number from 1 to {MAX_LINK_SECS}"),
        ));
    }
    let message = api.0.chats.message(&caller.user, id).await?;
    let link = outside.link(&message, wanted.expires_in);
    let (url, expires_at) =
        link.ok_or_else(|| ApiError::not_found(Code::LinksOff, "There are no media links here"))?;
    Ok(Json(Link { url, expires_at: expires_at.rfc3339() }).into_response())
}
