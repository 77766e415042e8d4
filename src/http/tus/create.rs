//! `POST`: creation, with or without the first bytes (tus 1.0.0, Creation, Creation With Upload).

use axum::body::HttpBody;
use axum::extract::{Request, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use super::headers::{self, UPLOAD_DEFER_LENGTH, UPLOAD_LENGTH, UPLOAD_OFFSET, text_value};
use super::location::Base;
use super::{PathText, body, refusal, reply};
use crate::http::Api;
use crate::http::caller::Caller;
use crate::http::conversations::conversation_id;
use crate::http::error::ApiError;
use crate::message::{ConversationId, UserId};
use crate::upload::Concat;
use crate::uploads::{Creation, NewFinal, NewUpload};

pub(super) async fn create(
    State(api): State<Api>,
    Caller(caller): Caller,
    base: Base,
    request: Request,
) -> Result<Response, ApiError> {
    create_for(&api, &caller.user, None, &base, request).await
}

pub(super) async fn create_in(
    State(api): State<Api>,
    Caller(caller): Caller,
    path: PathText,
    base: Base,
    request: Request,
) -> Result<Response, ApiError> {
    let conversation = Some(conversation_id(path)?);
    create_for(&api, &caller.user, conversation, &base, request).await
}

async fn create_for(
    api: &Api,
    user: &UserId,
    conversation: Option<ConversationId>,
    base: &Base,
    request: Request,
) -> Result<Response, ApiError> {
    let fields = request.headers();
    let metadata = headers::metadata(fields)?;
    let concat = headers::concat(fields)?;
    let first = FirstBytes::of(&request)?;
    let had_body = matches!(first, FirstBytes::Some { .. });
    let creation = match concat {
        Concat::Final(parts) => {
            refuse_length_and_bytes(fields, had_body)?;
            api.uploads().concatenate(user, NewFinal { parts, metadata, conversation }).await?
        }
        Concat::Whole | Concat::Partial => {
            let length = headers::length(fields)?;
            let new = NewUpload { length, metadata, conversation, is_partial: concat == Concat::Partial };
            match first {
                FirstBytes::None => api.uploads().create(user, new).await?,
                FirstBytes::Some { content_length } => {
                    let body = body(request)?;
                    api.uploads().create_with(user, new, content_length, body).await.map_err(refusal)?
                }
            }
        }
    };
    Ok(reply_to(&creation, base, had_body))
}

/// A final upload has the length and the bytes of its parts.
fn refuse_length_and_bytes(fields: &HeaderMap, had_body: bool) -> Result<(), ApiError> {
    if had_body || fields.contains_key(UPLOAD_LENGTH) || fields.contains_key(UPLOAD_DEFER_LENGTH) {
        return Err(ApiError::bad_request("A final upload has the length and the bytes of its parts"));
    }
    Ok(())
}

/// The body of a POST.
enum FirstBytes {
    None,
    Some { content_length: Option<u64> },
}

impl FirstBytes {
    fn of(request: &Request) -> Result<Self, ApiError> {
        let content_length = headers::content_length(request.headers())?;
        match (request.body().is_end_stream(), headers::is_append(request.headers())) {
            (true, _) if !headers::is_checked(request.headers()) => Ok(Self::None),
            // A body of no bytes may be checked, too.
            (true, _) | (false, true) => Ok(Self::Some { content_length }),
            (false, false) => Err(ApiError::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "A body has to be application/offset+octet-stream",
            )),
        }
    }
}

fn reply_to(creation: &Creation, base: &Base, had_body: bool) -> Response {
    let standing = &creation.standing;
    let mut fields: HeaderMap = reply::headers_of(standing, base);
    let says_offset = had_body || creation.existed || standing.message.is_some();
    if !says_offset {
        fields.remove(UPLOAD_OFFSET);
    }
    if let Some(location) = text_value(&base.url(&format!("/files/{}", standing.upload.id))) {
        fields.insert(LOCATION, location);
    }
    (StatusCode::CREATED, fields).into_response()
}
