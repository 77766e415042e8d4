//! tus 1.0.0: one file per verb. Each parses its request once, calls one use case, and says how it went.

mod accept;
mod create;
mod delete;
mod get;
mod head;
mod headers;
mod list;
mod options;
mod patch;
mod reply;
mod version;

use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request};
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, StatusCode};
use axum::routing::{get, post};
use tower::layer::layer_fn;

use super::Api;
use super::body::frames;
use super::error::{ApiError, Code};
use crate::upload::UploadId;
use crate::uploads::{Body, UploadError};
use version::{Checked, Versioned};

/// The tus extensions that this server supports.
pub(super) const EXTENSIONS: &str = "creation,creation-with-upload,creation-defer-length,termination,expiration,\
     checksum,checksum-trailer,concatenation,concatenation-unfinished";

/// The only version of tus that this server supports.
pub(super) const VERSION: &str = "1.0.0";

/// The routes of uploads.
pub(crate) fn routes() -> Router<Api> {
    let checked = layer_fn(Checked);
    // A HEAD asks about one upload, and the list is none.
    let collection = get(list::list)
        .post(create::create)
        .options(options::options)
        .route_layer(checked)
        .head(list::unknown_method)
        .fallback(list::unknown_method);
    let in_conversation = post(create::create_in).options(options::options).route_layer(checked);
    let upload = get(get::get)
        .head(head::head)
        .patch(patch::patch)
        .delete(delete::delete)
        .options(options::options)
        .route_layer(checked);
    Router::new()
        .route("/files", collection)
        .route("/files/{upload_id}", upload)
        .route("/conversations/{conversation_id}/files", in_conversation)
        .layer(layer_fn(Versioned))
}

/// The refusal of an upload's request. A body that broke off gets 503: at a 4xx a stock client gives its
/// upload up for good, after a 503 it asks for the offset and goes on.
fn refusal(error: UploadError) -> ApiError {
    match error {
        UploadError::BodyBroken | UploadError::BodyIdle => unavailable(&error),
        error => error.into(),
    }
}

/// A 503, after which stock clients repeat the request after a while.
fn unavailable(error: &UploadError) -> ApiError {
    ApiError::new(StatusCode::SERVICE_UNAVAILABLE, Code::from(error), error.to_string())
        .with_header(RETRY_AFTER, HeaderValue::from_static("1"))
}

/// The only parameter of a path, or why there is none.
type PathText = Result<Path<String>, PathRejection>;

/// The upload that a path names. Text that is no id names no upload.
fn upload_id(path: PathText) -> Result<UploadId, ApiError> {
    let id = path.ok().and_then(|Path(text)| text.parse().ok());
    id.ok_or_else(|| UploadError::NotFound.into())
}

/// The body of a request, and how to check it.
fn body(request: Request) -> Result<Body, ApiError> {
    let verification = headers::verification(request.headers())?;
    Ok(Body::new(frames(request.into_body()), verification))
}
