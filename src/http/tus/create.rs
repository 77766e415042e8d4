//! `POST`: creation, with or without the first bytes (tus 1.0.0, Creation, Creation With Upload).

use axum::body::HttpBody;
use axum::extract::{Request, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use super::headers::{self, UPLOAD_OFFSET, text_value};
use super::location::Base;
use super::{PathText, body, reply};
use crate::http::Api;
use crate::http::caller::Caller;
use crate::http::conversations::conversation_id;
use crate::http::error::ApiError;
use crate::message::{ConversationId, UserId};
use crate::uploads::{Creation, NewUpload};

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
    let parsed = CreateRequest::parse(&request, conversation)?;
    let creation = match parsed.body {
        FirstBytes::None => api.uploads().create(user, parsed.new).await?,
        FirstBytes::Some { content_length } => {
            api.uploads().create_with(user, parsed.new, content_length, body(request)?).await?
        }
    };
    Ok(reply_to(&creation, base, matches!(parsed.body, FirstBytes::Some { .. })))
}

/// What the headers of a POST say.
struct CreateRequest {
    new: NewUpload,
    body: FirstBytes,
}

#[derive(Clone, Copy)]
enum FirstBytes {
    None,
    Some { content_length: Option<u64> },
}

impl CreateRequest {
    fn parse(request: &Request, conversation: Option<ConversationId>) -> Result<Self, ApiError> {
        let fields = request.headers();
        let length = headers::length(fields)?;
        let metadata = headers::metadata(fields)?;
        let content_length = headers::content_length(fields)?;
        let body = match (request.body().is_end_stream(), headers::is_append(fields)) {
            (true, _) if !headers::is_checked(fields) => FirstBytes::None,
            // A body of no bytes may be checked, too.
            (true, _) | (false, true) => FirstBytes::Some { content_length },
            (false, false) => {
                return Err(ApiError::new(
                    StatusCode::UNSUPPORTED_MEDIA_TYPE,
                    "A body has to be application/offset+octet-stream",
                ));
            }
        };
        Ok(Self { new: NewUpload { length, metadata, conversation }, body })
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
