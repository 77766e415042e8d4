//! `GET /files/{upload_id}`: the status document, or the bytes of a complete upload.

use axum::Json;
use axum::extract::State;
use axum::http::header::{ACCEPT, HeaderMap, HeaderValue, RANGE, VARY};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};

use super::accept::prefers_json;
use super::{PathText, upload_id};
use crate::http::Api;
use crate::http::caller::Caller;
use crate::http::error::{ApiError, Code};
use crate::http::media::presentation;
use crate::http::outside::Outside;
use crate::http::range::{Representation, respond};
use crate::http::status::Status;
use crate::message::MediaType;
use crate::upload::State as UploadState;
use crate::uploads::Standing;

pub(super) async fn get(
    State(api): State<Api>,
    Caller(caller): Caller,
    path: PathText,
    outside: Outside,
    fields: HeaderMap,
) -> Result<Response, ApiError> {
    let standing = api.uploads().status(&caller.user, upload_id(path)?).await?;
    let mut response = if wants_status(&fields, &standing) {
        Json(Status::of(&standing, &outside)).into_response()
    } else {
        match &standing.upload.state {
            UploadState::Complete | UploadState::Committed(_) => bytes(&api, &standing, &fields).await?,
            _ => {
                let detail = "The upload is not complete";
                return Err(ApiError::new(StatusCode::CONFLICT, Code::UploadIncomplete, detail));
            }
        }
    };
    response.headers_mut().append(VARY, HeaderValue::from_name(ACCEPT));
    Ok(response)
}

/// Whether the client wants the status. A range is one of bytes, whatever else the client accepts.
fn wants_status(fields: &HeaderMap, standing: &Standing) -> bool {
    let own_type = standing.upload.media_type();
    !fields.contains_key(RANGE) && prefers_json(fields, own_type.as_ref().map(MediaType::essence))
}

/// The upload's bytes, which even its owner gets only as a download.
async fn bytes(api: &Api, standing: &Standing, fields: &HeaderMap) -> Result<Response, ApiError> {
    let upload = &standing.upload;
    let representation = Representation {
        length: upload.offset,
        etag: format!("\"{}-{:x}\"", upload.id, upload.offset),
        modified: Some(upload.active_at),
    };
    let read = |range| api.uploads().read(standing, range);
    let mut response = respond(&Method::GET, fields, &representation, read).await?;
    response.headers_mut().extend(presentation(None, upload.file_name()));
    Ok(response)
}
