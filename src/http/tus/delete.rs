//! `DELETE`: termination (tus 1.0.0, Termination).

use axum::extract::State;
use axum::http::StatusCode;

use super::{PathText, upload_id};
use crate::http::Api;
use crate::http::caller::Caller;
use crate::http::error::ApiError;

pub(super) async fn delete(
    State(api): State<Api>,
    Caller(caller): Caller,
    path: PathText,
) -> Result<StatusCode, ApiError> {
    api.uploads().terminate(&caller.user, upload_id(path)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
