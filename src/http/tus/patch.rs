//! `PATCH`: appending bytes (tus 1.0.0, Core).

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use super::headers::{self, UPLOAD_EXPIRES, UPLOAD_LENGTH, UPLOAD_OFFSET};
use super::location::Base;
use super::{PathText, body, refusal, reply, upload_id};
use crate::http::Api;
use crate::http::caller::Caller;
use crate::http::error::ApiError;
use crate::http::success::Sent;
use crate::message::UserId;
use crate::upload::{AppendRequest, UploadId};
use crate::uploads::Standing;

const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

pub(super) async fn patch(
    State(api): State<Api>,
    Caller(caller): Caller,
    path: PathText,
    base: Base,
    request: Request,
) -> Result<Response, ApiError> {
    let id = upload_id(path)?;
    let wants_message = headers::prefers_representation(request.headers());
    match append(&api, &caller.user, id, request).await {
        Ok(standing) => Ok(reply_to(&standing, &base, wants_message)),
        Err(refused) => Err(with_expiry(refused, &api, &caller.user, id).await),
    }
}

async fn append(api: &Api, user: &UserId, id: UploadId, request: Request) -> Result<Standing, ApiError> {
    let append = parse(request.headers())?;
    api.uploads().append(user, id, append, body(request)?).await.map_err(refusal)
}

/// Every answer to a PATCH tells when the upload expires (tus 1.0.0, Expiration), a refusal too.
async fn with_expiry(refused: ApiError, api: &Api, user: &UserId, id: UploadId) -> ApiError {
    let standing = api.uploads().status(user, id).await;
    match standing.ok().and_then(|standing| reply::expiry(&standing)) {
        Some(date) => refused.with_header(UPLOAD_EXPIRES, date),
        None => refused,
    }
}

fn parse(fields: &HeaderMap) -> Result<AppendRequest, ApiError> {
    if !headers::is_append(fields) {
        return Err(ApiError::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "Content-Type has to be application/offset+octet-stream",
        ));
    }
    let offset = headers::number(fields, &UPLOAD_OFFSET)?;
    Ok(AppendRequest {
        offset: offset.ok_or_else(|| ApiError::bad_request("Missing Upload-Offset"))?,
        content_length: headers::content_length(fields)?,
        upload_length: headers::number(fields, &UPLOAD_LENGTH)?,
    })
}

/// 204, as tus demands; with the message only for those who asked for it.
fn reply_to(standing: &Standing, base: &Base, wants_message: bool) -> Response {
    let mut fields = reply::headers_of(standing, base);
    match &standing.message {
        Some(message) if wants_message => {
            fields.insert(PREFERENCE_APPLIED, HeaderValue::from_static("return=representation"));
            (StatusCode::OK, fields, Json(Sent::of(message))).into_response()
        }
        _ => (StatusCode::NO_CONTENT, fields).into_response(),
    }
}
