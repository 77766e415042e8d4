//! What went wrong, as HTTP says it. No other file gives a failure its status.

use std::borrow::Cow;

use axum::Json;
use axum::http::header::{CONTENT_RANGE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};

use crate::auth::AuthError;
use crate::chats::ChatError;
use crate::store::StoreError;
use crate::upload::{AppendRefusal, BindingError, MetadataError, RejectionReason};
use crate::uploads::UploadError;

/// An answer that is an error: `{"detail": "<one string>"}` as JSON, with a status and further headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiError {
    status: StatusCode,
    detail: Cow<'static, str>,
    headers: HeaderMap,
}

/// `Upload-Offset` (tus 1.0.0, Core).
const UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");
/// The upload's state, for clients that read nothing but headers.
const CHAT_UPLOAD_STATE: HeaderName = HeaderName::from_static("chat-upload-state");
/// What a client learns of a failure that is ours.
const INTERNAL: &str = "Internal server error";

impl ApiError {
    /// An error of this status. The detail is for the client to read.
    pub(crate) fn new(status: StatusCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status,
            detail: detail.into(),
            headers: HeaderMap::new(),
        }
    }

    /// 400: the request makes no sense.
    pub(crate) fn bad_request(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// 403: the caller may not.
    pub(crate) fn forbidden(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::FORBIDDEN, detail)
    }

    /// 404: there is no such thing.
    pub(crate) fn not_found(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    /// 413: more bytes than the server takes.
    pub(crate) fn too_large() -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, UploadError::TooLarge.to_string())
    }

    /// 412: what is there is not what the client means.
    pub(crate) fn precondition_failed() -> Self {
        Self::new(StatusCode::PRECONDITION_FAILED, "The file is another one")
    }

    /// 416: none of the bytes asked for exist.
    pub(crate) fn unsatisfiable(length: u64) -> Self {
        let content_range = HeaderValue::from_str(&format!("bytes */{length}")).expect("a number is ASCII");
        Self::new(StatusCode::RANGE_NOT_SATISFIABLE, "The range is not in the file")
            .with_header(CONTENT_RANGE, content_range)
    }

    /// 500: ours. The caller has logged why.
    pub(crate) fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, INTERNAL)
    }

    /// The same with one more header.
    pub(crate) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// The status.
    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// What the client reads.
    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    /// A rejected upload stays rejected: the header tells a client that no retry helps.
    fn rejected(reason: RejectionReason) -> Self {
        let status = match reason {
            RejectionReason::NotAParticipant => StatusCode::FORBIDDEN,
            RejectionReason::ConversationGone => StatusCode::NOT_FOUND,
            RejectionReason::DigestMismatch => StatusCode::UNPROCESSABLE_ENTITY,
            RejectionReason::Damaged => StatusCode::GONE,
        };
        Self::new(status, reason.to_string())
            .with_header(CHAT_UPLOAD_STATE, HeaderValue::from_static("rejected"))
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = Json(serde_json::json!({ "detail": self.detail }));
        (self.status, self.headers, body).into_response()
    }
}

impl From<AuthError> for ApiError {
    fn from(error: AuthError) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, error.to_string())
            .with_header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
    }
}

impl From<ChatError> for ApiError {
    fn from(error: ChatError) -> Self {
        match error {
            ChatError::ConversationNotFound | ChatError::MessageNotFound => {
                Self::not_found(error.to_string())
            }
            ChatError::NotAParticipant => Self::forbidden(error.to_string()),
            ChatError::Store(error) => error.into(),
        }
    }
}

impl From<UploadError> for ApiError {
    fn from(error: UploadError) -> Self {
        let status = match error {
            UploadError::NotFound | UploadError::ConversationNotFound => StatusCode::NOT_FOUND,
            UploadError::Expired => StatusCode::GONE,
            UploadError::NotAParticipant => StatusCode::FORBIDDEN,
            UploadError::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            UploadError::NoRoom => StatusCode::INSUFFICIENT_STORAGE,
            UploadError::TooManyUploads => StatusCode::TOO_MANY_REQUESTS,
            UploadError::AnotherLength | UploadError::BodyBroken => StatusCode::BAD_REQUEST,
            // Two live tabs that displace each other would retry a 409, a 423 or a 5xx for ever.
            UploadError::Displaced => StatusCode::BAD_REQUEST,
            UploadError::AlreadyBound => StatusCode::CONFLICT,
            UploadError::BodyIdle => StatusCode::REQUEST_TIMEOUT,
            UploadError::Busy => {
                return Self::new(StatusCode::LOCKED, error.to_string())
                    .with_header(RETRY_AFTER, HeaderValue::from_static("1"));
            }
            UploadError::Append(refusal) => return refusal.into(),
            UploadError::Binding(error) => return error.into(),
            UploadError::Metadata(error) => return error.into(),
            UploadError::Rejected(reason) => return Self::rejected(reason),
            UploadError::Store(error) => return error.into(),
        };
        Self::new(status, error.to_string())
    }
}

impl From<AppendRefusal> for ApiError {
    fn from(refusal: AppendRefusal) -> Self {
        let status = match refusal {
            AppendRefusal::OffsetMismatch { current } => {
                return Self::new(StatusCode::CONFLICT, refusal.to_string())
                    .with_header(UPLOAD_OFFSET, current.into());
            }
            AppendRefusal::TooLong | AppendRefusal::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            AppendRefusal::LengthConflict => StatusCode::BAD_REQUEST,
            AppendRefusal::Expired => StatusCode::GONE,
            AppendRefusal::Rejected(reason) => return Self::rejected(reason),
        };
        Self::new(status, refusal.to_string())
    }
}

impl From<BindingError> for ApiError {
    fn from(error: BindingError) -> Self {
        match error {
            BindingError::Metadata(error) => error.into(),
            BindingError::ConversationId
            | BindingError::ConversationsDiffer
            | BindingError::ReplyTo
            | BindingError::ContentTooLong => Self::bad_request(error.to_string()),
        }
    }
}

impl From<MetadataError> for ApiError {
    fn from(error: MetadataError) -> Self {
        let status = match error {
            MetadataError::TooLong => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            _ => StatusCode::BAD_REQUEST,
        };
        Self::new(status, error.to_string())
    }
}

impl From<StoreError> for ApiError {
    /// Logged here, once, because here it leaves the server and its text does not go along.
    fn from(error: StoreError) -> Self {
        if matches!(error, StoreError::Full) {
            tracing::warn!(%error, "refused a request for want of room");
            return Self::new(StatusCode::INSUFFICIENT_STORAGE, UploadError::NoRoom.to_string());
        }
        tracing::error!(%error, "the storage failed a request");
        Self::internal()
    }
}

/// The answer to a path that is none of ours.
pub(crate) async fn unknown_route(uri: Uri) -> ApiError {
    tracing::debug!(path = uri.path(), "no such route");
    ApiError::not_found("Not found")
}

/// The answer to a method that a path does not know; the router adds `Allow`.
pub(crate) async fn unknown_method(method: Method) -> ApiError {
    tracing::debug!(%method, "no such method");
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed")
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::Body;
    use axum::http::Request;
    use axum::http::header::{ALLOW, CONTENT_TYPE};
    use axum::routing::get;
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    use super::*;
    use crate::message::InvalidClientMessageId;

    #[test]
    fn every_failure_has_its_status() {
        use RejectionReason as R;
        use UploadError as U;
        let io = || StoreError::Io(std::io::Error::other("secret path"));
        let table: Vec<(u16, ApiError)> = vec![
            (401, AuthError::Missing.into()),
            (401, AuthError::Invalid.into()),
            (404, ChatError::ConversationNotFound.into()),
            (404, ChatError::MessageNotFound.into()),
            (403, ChatError::NotAParticipant.into()),
            (500, ChatError::Store(io()).into()),
            (404, U::NotFound.into()),
            (410, U::Expired.into()),
            (404, U::ConversationNotFound.into()),
            (403, U::NotAParticipant.into()),
            (413, U::TooLarge.into()),
            (507, U::NoRoom.into()),
            (429, U::TooManyUploads.into()),
            (
                409,
                U::Append(AppendRefusal::OffsetMismatch { current: 4 }).into(),
            ),
            (413, U::Append(AppendRefusal::TooLong).into()),
            (413, U::Append(AppendRefusal::TooLarge).into()),
            (400, U::Append(AppendRefusal::LengthConflict).into()),
            (410, U::Append(AppendRefusal::Expired).into()),
            (422, U::Append(AppendRefusal::Rejected(R::DigestMismatch)).into()),
            (400, U::Binding(BindingError::ConversationId).into()),
            (400, U::Binding(BindingError::ReplyTo).into()),
            (400, U::Binding(BindingError::ContentTooLong).into()),
            (
                431,
                U::Binding(BindingError::Metadata(MetadataError::TooLong)).into(),
            ),
            (431, U::Metadata(MetadataError::TooLong).into()),
            (400, U::Metadata(MetadataError::Base64).into()),
            (400, U::Metadata(InvalidClientMessageId.into()).into()),
            (400, U::AnotherLength.into()),
            (409, U::AlreadyBound.into()),
            (403, U::Rejected(R::NotAParticipant).into()),
            (404, U::Rejected(R::ConversationGone).into()),
            (422, U::Rejected(R::DigestMismatch).into()),
            (410, U::Rejected(R::Damaged).into()),
            (400, U::Displaced.into()),
            (400, U::BodyBroken.into()),
            (408, U::BodyIdle.into()),
            (423, U::Busy.into()),
            (507, U::Store(StoreError::Full).into()),
            (500, U::Store(StoreError::Conflict("who")).into()),
            (500, U::Store(StoreError::Damaged("where".into())).into()),
            (500, U::Store(StoreError::Unavailable("why".into())).into()),
            (500, U::Store(io()).into()),
        ];
        for (status, error) in table {
            assert_eq!(error.status().as_u16(), status, "{error:?}");
            if status == 500 {
                assert_eq!(error.detail(), INTERNAL);
            }
        }
    }

    #[test]
    fn headers_say_what_a_client_needs_next() {
        for (error, name, value) in [
            (ApiError::from(AuthError::Missing), "www-authenticate", "Bearer"),
            (UploadError::Busy.into(), "retry-after", "1"),
            (
                AppendRefusal::OffsetMismatch { current: 4 }.into(),
                "upload-offset",
                "4",
            ),
            (
                AppendRefusal::Rejected(RejectionReason::Damaged).into(),
                "chat-upload-state",
                "rejected",
            ),
            (
                UploadError::Rejected(RejectionReason::Damaged).into(),
                "chat-upload-state",
                "rejected",
            ),
        ] {
            assert_eq!(
                error.headers.get(name).map(HeaderValue::as_bytes),
                Some(value.as_bytes()),
                "{name}"
            );
        }
    }

    #[tokio::test]
    async fn unknown_routes_and_methods_answer_in_json() {
        let router = Router::new()
            .route("/known", get(|| async {}))
            .fallback(unknown_route)
            .method_not_allowed_fallback(unknown_method);
        for (method, path, status, allow) in [
            ("GET", "/unknown", 404, None),
            ("PATCH", "/known", 405, Some("GET,HEAD")),
        ] {
            let request = Request::builder()
                .method(method)
                .uri(path)
                .body(Body::empty())
                .expect("valid");
            let response = router.clone().oneshot(request).await.expect("infallible");
            assert_eq!(response.status().as_u16(), status, "{path}");
            assert_eq!(response.headers()[CONTENT_TYPE], "application/json");
            assert_eq!(
                response.headers().get(ALLOW).map(HeaderValue::as_bytes),
                allow.map(str::as_bytes)
            );
            let body = response
                .into_body()
                .collect()
                .await
                .expect("a whole body")
                .to_bytes();
            let json: serde_json::Value = serde_json::from_slice(&body).expect("json");
            assert!(json["detail"].is_string(), "{json}");
        }
    }
}
