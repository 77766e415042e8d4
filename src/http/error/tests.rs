use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::http::header::{ALLOW, CONTENT_TYPE};
use axum::routing::get;
use http_body_util::BodyExt;
use tower::ServiceExt;

use super::*;
use crate::message::InvalidClientMessageId;
use crate::upload::{ChecksumError, ConcatError, Conflict};

fn io() -> StoreError {
    StoreError::Io(std::io::Error::other("secret path"))
}

/// Checks each status, and that a failure of the server says nothing about itself.
fn check_statuses(table: Vec<(u16, ApiError)>) {
    for (status, error) in table {
        assert_eq!(error.status().as_u16(), status, "{error:?}");
        if status == 500 {
            assert_eq!(error.detail(), INTERNAL);
        }
    }
}

#[test]
fn failures_of_tokens_and_conversations_have_their_statuses() {
    check_statuses(vec![
        (401, AuthError::Missing.into()),
        (401, AuthError::Invalid.into()),
        (404, ChatError::ConversationNotFound.into()),
        (404, ChatError::MessageNotFound.into()),
        (403, ChatError::NotAParticipant.into()),
        (500, ChatError::Store(io()).into()),
        (410, ChatError::Store(StoreError::Missing("what".into())).into()),
    ]);
}

#[test]
fn failures_of_uploads_have_their_statuses() {
    use UploadError as U;
    check_statuses(vec![
        (404, U::NotFound.into()),
        (410, U::Expired.into()),
        (404, U::ConversationNotFound.into()),
        (403, U::NotAParticipant.into()),
        (413, U::TooLarge(9).into()),
        (507, U::NoRoom.into()),
        (507, U::TooManyUnfinished(9).into()),
        (507, U::TooMuchReserved(9).into()),
        (503, U::NoMoreBytes(9).into()),
        (422, U::AnotherFile.into()),
        (410, U::Over.into()),
        (409, U::AlreadyBound.into()),
        (403, U::FinalUpload.into()),
        (400, U::NotPartial.into()),
        (400, U::PartialUpload.into()),
        (400, U::Displaced.into()),
        (400, U::BodyBroken.into()),
        (408, U::BodyIdle.into()),
        (423, U::Busy.into()),
    ]);
}

#[test]
fn refused_appends_and_rejected_uploads_have_their_statuses() {
    use RejectionReason as R;
    use UploadError as U;
    check_statuses(vec![
        (409, U::Append(AppendRefusal::OffsetMismatch { current: 4 }).into()),
        (413, U::Append(AppendRefusal::TooLong).into()),
        (413, U::Append(AppendRefusal::TooLarge(9)).into()),
        (400, U::Append(AppendRefusal::LengthConflict).into()),
        (410, U::Append(AppendRefusal::Expired).into()),
        (422, U::Append(AppendRefusal::Rejected(R::DigestMismatch)).into()),
        (403, U::Rejected(R::NotAParticipant).into()),
        (404, U::Rejected(R::ConversationGone).into()),
        (422, U::Rejected(R::DigestMismatch).into()),
        (410, U::Rejected(R::Damaged).into()),
        (410, U::Rejected(R::PartGone).into()),
        (413, U::Rejected(R::PartsTooLarge).into()),
    ]);
}

#[test]
fn malformed_headers_and_fields_have_their_statuses() {
    use UploadError as U;
    check_statuses(vec![
        (400, U::Binding(BindingError::ConversationId).into()),
        (400, U::Binding(BindingError::ReplyTo).into()),
        (400, U::Binding(BindingError::ContentTooLong).into()),
        (431, U::Binding(BindingError::Metadata(MetadataError::TooLong)).into()),
        (431, U::Metadata(MetadataError::TooLong).into()),
        (400, U::Metadata(MetadataError::Base64).into()),
        (400, U::Metadata(InvalidClientMessageId.into()).into()),
        (460, U::Checksum(CheckError::Mismatch).into()),
        (400, U::Checksum(CheckError::Unusable(ChecksumError::Unsupported)).into()),
        (400, U::Checksum(CheckError::Missing).into()),
        (400, U::Checksum(CheckError::Unannounced).into()),
        (400, U::Checksum(CheckError::Twice).into()),
        (400, U::Concat(ConcatError::Url).into()),
        (431, U::Concat(ConcatError::TooLong).into()),
    ]);
}

#[test]
fn failures_of_a_store_have_their_statuses() {
    use UploadError as U;
    check_statuses(vec![
        (507, U::Store(StoreError::Full).into()),
        (410, U::Store(StoreError::Missing("what".into())).into()),
        (400, U::from(StoreError::Fenced).into()),
        (400, StoreError::Fenced.into()),
        (500, U::Store(StoreError::Conflict(Conflict::Gone)).into()),
        (500, U::Store(StoreError::Damaged("where".into())).into()),
        (500, U::Store(StoreError::Unsealed).into()),
        (503, U::Store(StoreError::Unavailable("why".into())).into()),
        (500, U::Store(io()).into()),
    ]);
}

#[test]
fn a_limit_is_said_with_its_number() {
    for error in [
        UploadError::TooLarge(4711),
        UploadError::Append(AppendRefusal::TooLarge(4711)),
        UploadError::TooManyUnfinished(4711),
        UploadError::TooMuchReserved(4711),
        UploadError::NoMoreBytes(4711),
    ] {
        assert!(ApiError::from(error).detail().contains("4711"));
    }
}

#[test]
fn headers_say_what_a_client_needs_next() {
    for (error, name, value) in [
        (ApiError::from(AuthError::Missing), "www-authenticate", "Bearer"),
        (UploadError::Busy.into(), "retry-after", "1"),
        (AppendRefusal::OffsetMismatch { current: 4 }.into(), "upload-offset", "4"),
        (AppendRefusal::Rejected(RejectionReason::Damaged).into(), "chat-upload-state", "rejected"),
        (UploadError::Rejected(RejectionReason::Damaged).into(), "chat-upload-state", "rejected"),
    ] {
        let response = error.into_response();
        assert_eq!(response.headers().get(name).map(HeaderValue::as_bytes), Some(value.as_bytes()));
    }
}

#[test]
fn a_mismatch_is_named_as_tus_names_it() {
    let response = ApiError::from(UploadError::Checksum(CheckError::Mismatch)).into_response();
    let reason = response.extensions().get::<ReasonPhrase>().map(ReasonPhrase::as_bytes);
    assert_eq!((response.status().as_u16(), reason), (460, Some(&b"Checksum Mismatch"[..])));
}

#[tokio::test]
async fn unknown_routes_and_methods_answer_in_json() {
    let router = Router::new()
        .route("/known", get(|| async {}))
        .fallback(unknown_route)
        .method_not_allowed_fallback(unknown_method);
    for (method, path, status, allow) in
        [("GET", "/unknown", 404, None), ("PATCH", "/known", 405, Some("GET,HEAD"))]
    {
        let request = Request::builder().method(method).uri(path).body(Body::empty()).expect("valid");
        let response = router.clone().oneshot(request).await.expect("infallible");
        assert_eq!(response.status().as_u16(), status, "{path}");
        assert_eq!(response.headers()[CONTENT_TYPE], "application/json");
        assert_eq!(response.headers().get(ALLOW).map(HeaderValue::as_bytes), allow.map(str::as_bytes));
        let body = response.into_body().collect().await.expect("a whole body").to_bytes();
        let json: serde_json::Value = serde_json::from_slice(&body).expect("json");
        assert!(json["detail"].is_string(), "{json}");
        assert!(json["code"].is_string(), "{json}");
    }
}
