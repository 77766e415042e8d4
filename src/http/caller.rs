//! Who is asking, as extractors. A handler that takes none of them is open to everybody.

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;

use super::Api;
use super::error::ApiError;
use crate::auth::{AuthError, Identity, bearer};
use crate::time::Timestamp;

/// A caller with a valid token. Judged once, when the request starts.
#[derive(Debug, Clone)]
pub(crate) struct Caller(pub(crate) Identity);

/// A caller whose token may have expired, which [`Identity::expired`] then says: for `HEAD`, because a client
/// that gets a 401 there throws its whole upload away.
#[derive(Debug, Clone)]
pub(crate) struct CallerOrExpired(pub(crate) Identity);

/// A caller whose scope contains `admin`.
#[derive(Debug, Clone)]
pub(crate) struct Admin(pub(crate) Identity);

impl FromRequestParts<Api> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        let token = token(&parts.headers)?;
        Ok(Self(api.0.verifier.verify(token, Timestamp::now())?))
    }
}

impl FromRequestParts<Api> for CallerOrExpired {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        let token = token(&parts.headers)?;
        Ok(Self(api.0.verifier.verify_expired(token, Timestamp::now())?))
    }
}

impl FromRequestParts<Api> for Admin {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        let Caller(identity) = Caller::from_request_parts(parts, api).await?;
        if identity.admin {
            Ok(Self(identity))
        } else {
            Err(ApiError::forbidden("Admin scope required"))
        }
    }
}

/// The bearer token. Two `Authorization` headers are not ours to choose from.
fn token(headers: &HeaderMap) -> Result<&str, AuthError> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next().ok_or(AuthError::Missing)?;
    if values.next().is_some() {
        return Err(AuthError::Invalid);
    }
    bearer(value.to_str().map_err(|_| AuthError::Invalid)?)
}
