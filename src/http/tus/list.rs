//! `GET /files`: the uploads that the caller may go on with, from another tab or after a reinstall.

use axum::Json;
use axum::extract::State;
use axum::http::header::{ALLOW, HeaderValue};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::http::Api;
use crate::http::caller::Caller;
use crate::http::error::{self, ApiError};
use crate::http::outside::Outside;
use crate::http::status::Status;

#[derive(Serialize)]
struct List<'a> {
    uploads: Vec<Status<'a>>,
}

/// The methods of the collection of uploads.
const ALLOWED: HeaderValue = HeaderValue::from_static("GET,POST,OPTIONS");

/// The answer to any other method.
pub(super) async fn unknown_method() -> ApiError {
    error::unknown_method().await.with_header(ALLOW, ALLOWED)
}

pub(super) async fn list(
    State(api): State<Api>,
    Caller(caller): Caller,
    outside: Outside,
) -> Result<Response, ApiError> {
    let standings = api.uploads().unfinished(&caller.user).await?;
    let uploads = standings.iter().map(|standing| Status::of(standing, &outside)).collect();
    Ok(Json(List { uploads }).into_response())
}
