//! `GET /files`: what the caller may go on with, from another tab or after a reinstall.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::http::Api;
use crate::http::caller::Caller;
use crate::http::error::ApiError;
use crate::http::status::Status;

#[derive(Serialize)]
struct List<'a> {
    uploads: Vec<Status<'a>>,
}

pub(super) async fn list(State(api): State<Api>, Caller(caller): Caller) -> Result<Response, ApiError> {
    let standings = api.uploads().unfinished(&caller.user).await?;
    let uploads = standings.iter().map(Status::of).collect();
    Ok(Json(List { uploads }).into_response())
}
