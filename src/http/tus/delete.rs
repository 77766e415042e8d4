//! `DELETE`: termination (tus 1.0.0, Termination).

use axum::extract::{Path, State};
use axum::http::StatusCode;

use super::upload_id;
use crate::http::Api;
use crate::http::caller::Caller;
use crate::http::error::ApiError;

pub(super) async fn delete(
    State(api): State<Api>,
    Caller(caller): Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    api.uploads().terminate(&caller.user, upload_id(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
