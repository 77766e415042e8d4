//! `POST`: creation, with or without the first bytes (tus 1.0.0, Creation, Creation With Upload).

use axum::extract::{Request, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use super::headers::{self, UPLOAD_DEFER_LENGTH, UPLOAD_LENGTH, UPLOAD_OFFSET, text_value};
use super::{PathText, body, refusal, reply, unavailable};
use crate::http::Api;
use crate::http::caller::Caller;
use crate::http::conversations::conversation_id;
use crate::http::error::{ApiError, Code};
use crate::http::outside::Outside;
use crate::http::presence::{Presence, look};
use crate::message::{ConversationId, UserId};
use crate::upload::{Concat, Length, Metadata, Parts};
use crate::uploads::{Creation, NewFinal, NewUpload, UploadError};

pub(super) async fn create(
    State(api): State<Api>,
    Caller(caller): Caller,
    outside: Outside,
    request: Request,
) -> Result<Response, ApiError> {
    create_for(&api, &caller.user, None, &outside, request).await
}

pub(super) async fn create_in(
    State(api): State<Api>,
    Caller(caller): Caller,
    path: PathText,
    outside: Outside,
    request: Request,
) -> Result<Response, ApiError> {
    let conversation = Some(conversation_id(path)?);
    create_for(&api, &caller.user, conversation, &outside, request).await
}

async fn create_for(
    api: &Api,
    user: &UserId,
    conversation: Option<ConversationId>,
    outside: &Outside,
    request: Request,
) -> Result<Response, ApiError> {
    let fields = request.headers();
    let (metadata, concat) = (headers::metadata(fields)?, headers::concat(fields)?);
    let says_offset = headers::is_append(fields) || headers::is_checked(fields);
    match concat {
        Concat::Final(parts) => {
            let creation = create_final(api, user, parts, metadata, conversation, request).await?;
            Ok(reply_to(&creation, outside, true))
        }
        Concat::Whole | Concat::Partial => {
            let length = headers::length(fields)?;
            let new = NewUpload { length, metadata, conversation, is_partial: concat == Concat::Partial };
            let creation = create_plain(api, user, new, request).await?;
            Ok(reply_to(&creation, outside, says_offset))
        }
    }
}

async fn create_final(
    api: &Api,
    user: &UserId,
    parts: Parts,
    metadata: Metadata,
    conversation: Option<ConversationId>,
    request: Request,
) -> Result<Creation, ApiError> {
    let detail = "A final upload has the length and the bytes of its parts";
    let refused = || ApiError::bad_request(Code::InvalidConcat, detail);
    let fields = request.headers();
    if fields.contains_key(UPLOAD_LENGTH) || fields.contains_key(UPLOAD_DEFER_LENGTH) {
        return Err(refused());
    }
    let whole = NewUpload { length: Length::Deferred, metadata, conversation, is_partial: false };
    without_bytes(api, user, &whole, request).await?.ok_or_else(refused)?;
    let new = NewFinal { parts, metadata: whole.metadata, conversation };
    // The client takes any other answer as final, as success or as failure.
    let slow = |error| if matches!(error, UploadError::Busy) { unavailable(&error) } else { error.into() };
    api.uploads().concatenate(user, new).await.map_err(slow)
}

async fn create_plain(
    api: &Api,
    user: &UserId,
    new: NewUpload,
    request: Request,
) -> Result<Creation, ApiError> {
    let request = if headers::is_append(request.headers()) {
        request
    } else {
        without_bytes(api, user, &new, request).await?.ok_or_else(foreign_bytes)?
    };
    // An empty body may have a checksum, too.
    if Presence::of(&request) == Presence::None && !headers::is_checked(request.headers()) {
        return Ok(api.uploads().create(user, new).await?);
    }
    let content_length = headers::content_length(request.headers())?;
    api.uploads().create_with(user, new, content_length, body(request)?).await.map_err(refusal)
}

fn foreign_bytes() -> ApiError {
    let detail = "A body has to be application/offset+octet-stream";
    ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, Code::UnsupportedMediaType, detail)
}

/// The request, if it has no bytes. If only its body can tell, the server first checks that the creation
/// would be carried out, and then waits for the body.
async fn without_bytes(
    api: &Api,
    user: &UserId,
    new: &NewUpload,
    request: Request,
) -> Result<Option<Request>, ApiError> {
    match Presence::of(&request) {
        Presence::None => Ok(Some(request)),
        Presence::Some => Ok(None),
        Presence::Unknown => {
            api.uploads().may_create(user, new).await?;
            let (head, body) = request.into_parts();
            let (has_bytes, body) = look(body, api.0.body_idle).await.map_err(refusal)?;
            Ok((!has_bytes).then(|| Request::from_parts(head, body)))
        }
    }
}

fn reply_to(creation: &Creation, outside: &Outside, says_offset: bool) -> Response {
    let standing = &creation.standing;
    let mut fields: HeaderMap = reply::headers_of(standing, outside);
    if !says_offset && !creation.existed && standing.message.is_none() {
        fields.remove(UPLOAD_OFFSET);
    }
    if let Some(location) = text_value(&outside.url(&format!("/files/{}", standing.upload.id))) {
        fields.insert(LOCATION, location);
    }
    (StatusCode::CREATED, fields).into_response()
}
