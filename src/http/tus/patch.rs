//! `PATCH`: appending bytes (tus 1.0.0, Core).

use std::convert::Infallible;

use axum::Json;
use axum::extract::{FromRequest, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use super::headers::{self, UPLOAD_EXPIRES, UPLOAD_LENGTH, UPLOAD_OFFSET};
use super::{PathText, body, refusal, reply, upload_id};
use crate::http::Api;
use crate::http::caller::Caller;
use crate::http::error::{ApiError, Code};
use crate::http::outside::Outside;
use crate::http::success::Sent;
use crate::message::UserId;
use crate::upload::{AppendRequest, UploadId};
use crate::uploads::{Body, Standing};

const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

pub(super) async fn patch(
    State(api): State<Api>,
    Caller(caller): Caller,
    path: PathText,
    outside: Outside,
    asked: Asked,
) -> Result<Response, ApiError> {
    let id = upload_id(path)?;
    let appended = match asked.append {
        Ok((append, body)) => api.uploads().append(&caller.user, id, append, body).await.map_err(refusal),
        Err(refused) => Err(refused),
    };
    match appended {
        Ok(standing) => Ok(reply_to(&standing, &outside, asked.wants_message)),
        Err(refused) => Err(Box::pin(with_expiry(refused, &api, &caller.user, id)).await),
    }
}

/// The parsed parts of a PATCH, without the request, which a slow body would keep in memory.
pub(super) struct Asked {
    append: Result<(AppendRequest, Body), ApiError>,
    wants_message: bool,
}

impl FromRequest<Api> for Asked {
    type Rejection = Infallible;

    async fn from_request(request: Request, _: &Api) -> Result<Self, Infallible> {
        let wants_message = headers::prefers_representation(request.headers());
        let append = parse(request.headers()).and_then(|append| Ok((append, body(request)?)));
        Ok(Self { append, wants_message })
    }
}

/// Adds `Upload-Expires` to a refusal: every answer to a PATCH has it (tus 1.0.0, Expiration).
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
            Code::UnsupportedMediaType,
            "Content-Type has to be application/offset+octet-stream",
        ));
    }
    let offset = headers::number(fields, &UPLOAD_OFFSET)?;
    Ok(AppendRequest {
        offset: offset.ok_or_else(|| ApiError::bad_request(Code::MissingHeader, "Missing Upload-Offset"))?,
        content_length: headers::content_length(fields)?,
        upload_length: headers::number(fields, &UPLOAD_LENGTH)?,
    })
}

/// The answer to a PATCH: 204, as tus demands, or 200 with the message if the client asked for that.
fn reply_to(standing: &Standing, outside: &Outside, wants_message: bool) -> Response {
    let mut fields = reply::headers_of(standing, outside);
    match &standing.message {
        Some(message) if wants_message => {
            fields.insert(PREFERENCE_APPLIED, HeaderValue::from_static("return=representation"));
            (StatusCode::OK, fields, Json(Sent::of(outside.message(message)))).into_response()
        }
        _ => (StatusCode::NO_CONTENT, fields).into_response(),
    }
}
