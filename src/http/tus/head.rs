//! `HEAD`: the offset to go on from (tus 1.0.0, Core). Stock clients throw an upload away for almost every
//! other answer than 200 and 423, so the owner gets no other while the upload is there.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use super::headers::{
    CHAT_UPLOAD_STATE, UPLOAD_CONCAT, UPLOAD_DEFER_LENGTH, UPLOAD_LENGTH, UPLOAD_METADATA, UPLOAD_OFFSET,
    text_value, value_of,
};
use super::{PathText, reply, upload_id};
use crate::http::Api;
use crate::http::caller::CallerOrExpired;
use crate::http::error::{ApiError, Code};
use crate::http::outside::Outside;
use crate::upload::{Length, State as UploadState, Upload};
use crate::uploads::UploadError;

pub(super) async fn head(
    State(api): State<Api>,
    CallerOrExpired(caller): CallerOrExpired,
    path: PathText,
    outside: Outside,
) -> Result<Response, ApiError> {
    let id = upload_id(path)?;
    if caller.expired {
        let standing = api.uploads().status(&caller.user, id).await?;
        return only_offset(&standing.upload);
    }
    let standing = match api.uploads().head(&caller.user, id).await {
        Err(error) => return Err(refusal(error)),
        Ok(standing) => standing,
    };
    let mut fields = reply::headers_of(&standing, &outside);
    insert_length(&mut fields, &standing.upload);
    insert_text(&mut fields, UPLOAD_METADATA, standing.upload.metadata.raw());
    insert_text(&mut fields, UPLOAD_CONCAT, standing.upload.concat.raw());
    Ok((StatusCode::OK, fields).into_response())
}

/// The answer for a token that has expired: a 401 would cost the client its upload, so it learns the offset.
/// An upload that looks complete has its message, as always.
fn only_offset(upload: &Upload) -> Result<Response, ApiError> {
    if upload.is_owed() {
        return Err(UploadError::Busy.into());
    }
    if let UploadState::Rejected(rejection) = &upload.state {
        return Err(refusal(UploadError::Rejected(rejection.reason)));
    }
    let mut fields = HeaderMap::new();
    if upload.awaited_parts().is_none() {
        fields.insert(UPLOAD_OFFSET, value_of(upload.offset));
    }
    insert_length(&mut fields, upload);
    Ok((StatusCode::OK, fields).into_response())
}

fn insert_length(fields: &mut HeaderMap, upload: &Upload) {
    match upload.length {
        Length::Known(length) => fields.insert(UPLOAD_LENGTH, value_of(length)),
        // The length follows from the parts; no client has to declare it.
        Length::Deferred if upload.awaited_parts().is_some() => None,
        Length::Deferred => fields.insert(UPLOAD_DEFER_LENGTH, HeaderValue::from_static("1")),
    };
}

/// Inserts a text as the client gave it, byte for byte.
fn insert_text(fields: &mut HeaderMap, name: HeaderName, raw: &str) {
    if let Some(value) = text_value(raw).filter(|_| !raw.is_empty()) {
        fields.insert(name, value);
    }
}

/// The refusal of a HEAD. A rejected upload gets 410 for any reason: its bytes are gone. After a failure of
/// the store the client gets 423, as the store may work again when the client comes back.
fn refusal(error: UploadError) -> ApiError {
    match error {
        UploadError::Rejected(reason) => {
            ApiError::new(StatusCode::GONE, Code::from(&reason), reason.to_string())
                .with_header(CHAT_UPLOAD_STATE, HeaderValue::from_static("rejected"))
        }
        UploadError::Store(error) => {
            tracing::error!(%error, "HEAD could not be answered");
            UploadError::Busy.into()
        }
        error => error.into(),
    }
}
