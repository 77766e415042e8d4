//! Errors as HTTP answers. No other file gives a failure its status.

mod code;
mod code_of;

pub(crate) use code::Code;

use std::borrow::Cow;

use axum::Json;
use axum::http::StatusCode;
use axum::http::header::{
    CONTENT_RANGE, HeaderName, HeaderValue, RETRY_AFTER, SEC_WEBSOCKET_VERSION, WWW_AUTHENTICATE,
};
use axum::response::{IntoResponse, Response};
use hyper::ext::ReasonPhrase;

use crate::auth::AuthError;
use crate::chats::ChatError;
use crate::store::StoreError;
use crate::upload::{AppendRefusal, BindingError, CheckError, ConcatError, MetadataError, RejectionReason};
use crate::uploads::UploadError;

/// An answer that is an error: `{"detail": "<one string>", "code": "<snake_case>"}` as JSON, with a status
/// and further headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiError {
    status: StatusCode,
    code: Code,
    detail: Cow<'static, str>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// `Upload-Offset` (tus 1.0.0, Core).
const UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");
/// The upload's state, for clients that read nothing but headers.
const CHAT_UPLOAD_STATE: HeaderName = HeaderName::from_static("chat-upload-state");
/// Status 460 Checksum Mismatch (tus 1.0.0, Checksum), which only tus defines.
const CHECKSUM_MISMATCH: u16 = 460;
/// The only version of WebSocket (RFC 6455 §4.1).
pub(crate) const WEBSOCKET_VERSION: &str = "13";
/// `Tus-Max-Size` (tus 1.0.0, Core).
pub(super) const TUS_MAX_SIZE: HeaderName = HeaderName::from_static("tus-max-size");
/// The detail of a failure of the server: clients learn no more of it.
const INTERNAL: &str = "Internal server error";
/// The detail of a failure that passes.
const UNAVAILABLE: &str = "The server cannot do this at the moment";

impl ApiError {
    /// An error with this status. The code is for programs, the detail for people.
    pub(crate) fn new(status: StatusCode, code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { status, code, detail: detail.into(), headers: Vec::new() }
    }

    /// 400: the request makes no sense.
    pub(crate) fn bad_request(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    /// 400: no conversation is named.
    pub(crate) fn missing_conversation() -> Self {
        Self::bad_request(Code::MissingConversationId, "Missing conversation_id")
    }

    /// 403: the caller may not do this.
    pub(crate) fn forbidden(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, detail)
    }

    /// 403: a link to media is invalid or has expired. Every cause has the same answer, so that no client can
    /// find out which messages exist.
    pub(crate) fn invalid_link() -> Self {
        Self::forbidden(Code::InvalidLink, "Invalid or expired link")
    }

    /// Whether the status is 404 or 410: what the client asked for is not there.
    pub(crate) fn says_gone(&self) -> bool {
        matches!(self.status, StatusCode::NOT_FOUND | StatusCode::GONE)
    }

    /// 404: what the client asked for does not exist.
    pub(crate) fn not_found(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, detail)
    }

    /// 412: the file is not the one that the client means.
    pub(crate) fn precondition_failed() -> Self {
        Self::new(StatusCode::PRECONDITION_FAILED, Code::PreconditionFailed, "The file is another one")
    }

    /// 416: none of the bytes asked for exist.
    pub(crate) fn unsatisfiable(length: u64) -> Self {
        let content_range = HeaderValue::from_str(&format!("bytes */{length}")).expect("a number is ASCII");
        let detail = "The range is not in the file";
        Self::new(StatusCode::RANGE_NOT_SATISFIABLE, Code::RangeNotSatisfiable, detail)
            .with_header(CONTENT_RANGE, content_range)
    }

    /// 400: the request cannot open a WebSocket (RFC 6455 §4.4), whatever the version it names. Clients poll
    /// after any 400, and some wait for long after a 426.
    pub(crate) fn no_websocket(detail: &'static str) -> Self {
        Self::bad_request(Code::InvalidWebsocket, detail)
            .with_header(SEC_WEBSOCKET_VERSION, HeaderValue::from_static(WEBSOCKET_VERSION))
    }

    /// 503: the server is about to end, and its successor is about to start.
    pub(crate) fn draining() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, Code::Restarting, UploadError::Draining.to_string())
            .with_header(RETRY_AFTER, HeaderValue::from_static("2"))
    }

    /// 507: there is no room now, but there may be in a while.
    fn no_room() -> Self {
        Self::new(StatusCode::INSUFFICIENT_STORAGE, Code::NoRoom, UploadError::NoRoom.to_string())
            .with_header(RETRY_AFTER, HeaderValue::from_static("10"))
    }

    /// 503: there are too many sessions that have not sent a token yet.
    pub(crate) fn no_session_left() -> Self {
        let detail = "Too many sessions without a token";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, Code::TooManySessions, detail)
            .with_header(RETRY_AFTER, HeaderValue::from_static("5"))
    }

    /// 503: the concurrent requests and the connections together are at their limit.
    pub(crate) fn no_place() -> Self {
        let detail = "Too many requests at once";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, Code::TooManyRequests, detail)
            .with_header(RETRY_AFTER, HeaderValue::from_static("5"))
    }

    /// 503: more is being sent at once than may be.
    pub(crate) fn too_much_at_once(detail: String) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, Code::SendingTooMuch, detail)
            .with_header(RETRY_AFTER, HeaderValue::from_static("5"))
    }

    /// 413: a session sends too many bytes before it says whose it is, or too many requests for namespaces.
    pub(crate) fn too_much_of_session(detail: String) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, Code::SessionLimit, detail)
    }

    /// 431: a header is longer than what the server keeps of it.
    pub(crate) fn long_header() -> Self {
        let detail = "The target and its token are too long";
        Self::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, Code::HeaderTooLong, detail)
    }

    /// 503: a server that this one needs does not answer, or the like: what is stored is as it was, or as the
    /// request wanted it. The caller has logged why.
    fn unavailable() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, Code::Unavailable, UNAVAILABLE)
            .with_header(RETRY_AFTER, HeaderValue::from_static("1"))
    }

    /// 500: the server failed. The caller has logged why.
    pub(crate) fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, Code::Internal, INTERNAL)
    }

    /// The error with one more header.
    pub(crate) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The error's status.
    #[cfg(test)]
    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// The error's text, which the client reads.
    #[cfg(test)]
    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    /// The error of a rejected upload, which stays rejected: the header tells the client not to retry.
    fn rejected(reason: RejectionReason) -> Self {
        let status = match reason {
            RejectionReason::NotAParticipant => StatusCode::FORBIDDEN,
            RejectionReason::ConversationGone => StatusCode::NOT_FOUND,
            RejectionReason::DigestMismatch | RejectionReason::AnotherFile => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            RejectionReason::Damaged | RejectionReason::PartGone => StatusCode::GONE,
            RejectionReason::PartsTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        };
        Self::new(status, Code::from(&reason), reason.to_string())
            .with_header(CHAT_UPLOAD_STATE, HeaderValue::from_static("rejected"))
    }
}

/// Adds `Tus-Max-Size` to a 413: how large a file may be that is sent in pieces.
pub(super) fn show_max_size(response: &mut Response, max_upload_size: u64) {
    if response.status() == StatusCode::PAYLOAD_TOO_LARGE {
        response.headers_mut().insert(TUS_MAX_SIZE, max_upload_size.into());
    }
}

/// The answer of the session library, with its own refusals in the words of all others.
pub(crate) fn of_session(answer: Response, max_payload_bytes: usize) -> Response {
    let status = answer.status();
    let (code, detail) = match status {
        StatusCode::NOT_FOUND => return ApiError::not_found(Code::NotFound, "Not found").into_response(),
        StatusCode::PAYLOAD_TOO_LARGE => {
            (Code::PayloadTooLong, format!("The packets are longer than {max_payload_bytes} bytes").into())
        }
        _ if status.is_client_error() => {
            (Code::InvalidSession, "Session ID unknown, or a request that does not fit its session".into())
        }
        _ if status.is_server_error() => (Code::Internal, Cow::Borrowed(INTERNAL)),
        _ => return answer,
    };
    ApiError::new(status, code, detail).into_response()
}

/// The reason of a refusal, kept beside the answer that tells it.
#[derive(Debug, Clone)]
struct Detail(Cow<'static, str>);

/// The reason to log, if the answer is a refusal. A failure of the server has its log line already, and "not
/// ready" is a regular answer to a readiness check.
pub(super) fn detail_of(response: &Response) -> Option<Cow<'static, str>> {
    let status = response.status();
    match response.extensions().get::<Detail>() {
        Some(_) if status == StatusCode::INTERNAL_SERVER_ERROR => None,
        Some(Detail(detail)) => Some(detail.clone()),
        None if status.is_client_error() => Some(status.canonical_reason().unwrap_or_default().into()),
        None => None,
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = Json(serde_json::json!({ "detail": self.detail, "code": self.code }));
        let mut response = (self.status, body).into_response();
        response.headers_mut().extend(self.headers);
        response.extensions_mut().insert(Detail(self.detail));
        if self.status.as_u16() == CHECKSUM_MISMATCH {
            response.extensions_mut().insert(ReasonPhrase::from_static(b"Checksum Mismatch"));
        }
        response
    }
}

impl From<AuthError> for ApiError {
    fn from(error: AuthError) -> Self {
        let (code, detail) = (Code::from(&error), error.to_string());
        match error {
            AuthError::Missing | AuthError::Invalid | AuthError::UnknownKey | AuthError::TooLong => {
                Self::new(StatusCode::UNAUTHORIZED, code, detail)
                    .with_header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
            }
            // A 401 would tell a client with a good token to give up.
            AuthError::NoKeys => Self::new(StatusCode::SERVICE_UNAVAILABLE, code, detail)
                .with_header(RETRY_AFTER, HeaderValue::from_static("5")),
        }
    }
}

impl From<ChatError> for ApiError {
    fn from(error: ChatError) -> Self {
        match error {
            ChatError::ConversationNotFound | ChatError::MessageNotFound => {
                Self::not_found(Code::from(&error), error.to_string())
            }
            ChatError::NotAParticipant => Self::forbidden(Code::from(&error), error.to_string()),
            ChatError::Store(error) => error.into(),
        }
    }
}

impl From<UploadError> for ApiError {
    fn from(error: UploadError) -> Self {
        let code = Code::from(&error);
        let status = match error {
            UploadError::NotFound | UploadError::ConversationNotFound => StatusCode::NOT_FOUND,
            UploadError::Expired | UploadError::Over => StatusCode::GONE,
            UploadError::NotAParticipant | UploadError::FinalUpload => StatusCode::FORBIDDEN,
            UploadError::NotPartial | UploadError::PartialUpload => StatusCode::BAD_REQUEST,
            UploadError::Concat(ConcatError::TooLong) => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            UploadError::Concat(_) => StatusCode::BAD_REQUEST,
            UploadError::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            UploadError::NoRoom => return Self::no_room(),
            UploadError::TooManyUnfinished(_) | UploadError::TooMuchReserved(_) => {
                StatusCode::INSUFFICIENT_STORAGE
            }
            // After a 503 stock clients go on from the offset that is stored.
            UploadError::NoMoreBytes(_) => {
                return Self::new(StatusCode::SERVICE_UNAVAILABLE, code, error.to_string())
                    .with_header(RETRY_AFTER, HeaderValue::from_static("10"));
            }
            // As in the Idempotency-Key draft; stock clients would retry a 409.
            UploadError::AnotherFile => StatusCode::UNPROCESSABLE_ENTITY,
            UploadError::BodyBroken => StatusCode::BAD_REQUEST,
            // Two live tabs that displace each other would retry a 409, a 423 or a 5xx for ever.
            UploadError::Displaced => StatusCode::BAD_REQUEST,
            UploadError::AlreadyBound => StatusCode::CONFLICT,
            UploadError::BodyIdle => StatusCode::REQUEST_TIMEOUT,
            UploadError::Draining => return Self::draining(),
            UploadError::Busy => {
                return Self::new(StatusCode::LOCKED, code, error.to_string())
                    .with_header(RETRY_AFTER, HeaderValue::from_static("1"));
            }
            UploadError::Checksum(CheckError::Mismatch) => {
                StatusCode::from_u16(CHECKSUM_MISMATCH).expect("three digits")
            }
            UploadError::Checksum(_) => StatusCode::BAD_REQUEST,
            UploadError::Append(refusal) => return refusal.into(),
            UploadError::Binding(error) => return error.into(),
            UploadError::Metadata(error) => return error.into(),
            UploadError::Rejected(reason) => return Self::rejected(reason),
            UploadError::Store(error) => return error.into(),
        };
        Self::new(status, code, error.to_string())
    }
}

impl From<AppendRefusal> for ApiError {
    fn from(refusal: AppendRefusal) -> Self {
        let code = Code::from(&refusal);
        let status = match refusal {
            AppendRefusal::OffsetMismatch { current } => {
                return Self::new(StatusCode::CONFLICT, code, refusal.to_string())
                    .with_header(UPLOAD_OFFSET, current.into());
            }
            AppendRefusal::TooLong | AppendRefusal::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            AppendRefusal::LengthConflict => StatusCode::BAD_REQUEST,
            AppendRefusal::Expired => StatusCode::GONE,
            AppendRefusal::Rejected(reason) => return Self::rejected(reason),
        };
        Self::new(status, code, refusal.to_string())
    }
}

impl From<BindingError> for ApiError {
    fn from(error: BindingError) -> Self {
        match error {
            BindingError::Metadata(error) => error.into(),
            BindingError::ConversationId
            | BindingError::ConversationsDiffer
            | BindingError::ReplyTo
            | BindingError::ContentTooLong => Self::bad_request(Code::from(&error), error.to_string()),
        }
    }
}

impl From<MetadataError> for ApiError {
    fn from(error: MetadataError) -> Self {
        let code = Code::from(&error);
        let status = match error {
            MetadataError::TooLong | MetadataError::TooMany => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            _ => StatusCode::BAD_REQUEST,
        };
        Self::new(status, code, error.to_string())
    }
}

impl From<StoreError> for ApiError {
    /// Logs the error, once: this is where it leaves the server, and the answer does not carry its text.
    fn from(error: StoreError) -> Self {
        if matches!(error, StoreError::Fenced) {
            return UploadError::Displaced.into();
        }
        if matches!(error, StoreError::Full) {
            tracing::warn!(%error, "refused a request for want of room");
            return Self::no_room();
        }
        tracing::error!(%error, "the storage failed a request");
        if matches!(error, StoreError::Missing(_)) {
            return Self::new(StatusCode::GONE, Code::FileGone, "The file is gone");
        }
        if matches!(error, StoreError::Unavailable(_)) {
            return Self::unavailable();
        }
        Self::internal()
    }
}

/// The answer to a path that has no route.
pub(crate) async fn unknown_route() -> ApiError {
    ApiError::not_found(Code::NotFound, "Not found")
}

/// The answer to a path that is not below the base path.
pub(crate) fn outside_of_the_base_path() -> ApiError {
    ApiError::not_found(Code::NotFound, "Not found")
}

/// The answer to a method that a path does not support; the router adds `Allow`.
pub(crate) async fn unknown_method() -> ApiError {
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, Code::MethodNotAllowed, "Method not allowed")
}

#[cfg(test)]
mod tests;
