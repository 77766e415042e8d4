//! `GET /files/{upload_id}`: the status document, or the bytes of a complete upload.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use super::status::Status;
use super::{headers, upload_id};
use crate::http::Api;
use crate::http::caller::Caller;
use crate::http::error::ApiError;
use crate::upload::State as UploadState;

pub(super) async fn get(
    State(api): State<Api>,
    Caller(caller): Caller,
    Path(id): Path<String>,
    fields: HeaderMap,
) -> Result<Response, ApiError> {
    let standing = api.uploads().status(&caller.user, upload_id(&id)?).await?;
    if headers::accepts_json(&fields) {
        return Ok(Json(Status::of(&standing)).into_response());
    }
    match standing.upload.state {
        UploadState::Complete | UploadState::Committed(_) => super::get_bytes(&api, &standing, &fields).await,
        _ => Err(ApiError::new(StatusCode::CONFLICT, "The upload is not complete")),
    }
}
