//! Extractors of the caller. A handler that takes none of them is open to all clients.

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;

use super::Api;
use super::error::{ApiError, Code};
use crate::auth::{AuthError, Identity, bearer};
use crate::time::Timestamp;
use crate::uploads::UploadError;

/// A caller with a valid token, which is checked once, when the request starts.
#[derive(Debug, Clone)]
pub(crate) struct Caller(pub(crate) Identity);

/// A caller whose token may have expired ([`Identity::expired`]): for `HEAD`, because a client that gets a
/// 401 there throws its whole upload away.
#[derive(Debug, Clone)]
pub(crate) struct CallerOrExpired(pub(crate) Identity);

/// A caller whose scope contains `admin`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Admin;

impl FromRequestParts<Api> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        let token = token(&parts.headers)?;
        let identity = api.0.keyring.verify(token, Timestamp::now()).await?;
        if identity.backend {
            api.uploads().trust(&identity.user, identity.expires_at);
        }
        Ok(Self(identity))
    }
}

impl FromRequestParts<Api> for CallerOrExpired {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        let token = token(&parts.headers)?;
        match api.0.keyring.verify_expired(token, Timestamp::now()).await {
            // A 503 would cost the upload as well.
            Err(AuthError::NoKeys) => Err(UploadError::Busy.into()),
            outcome => Ok(Self(outcome?)),
        }
    }
}

impl FromRequestParts<Api> for Admin {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        let Caller(identity) = Caller::from_request_parts(parts, api).await?;
        let refused = || ApiError::forbidden(Code::AdminRequired, "Admin scope required");
        identity.admin.then_some(Self).ok_or_else(refused)
    }
}

/// The bearer token. Of two `Authorization` headers the server chooses neither.
fn token(headers: &HeaderMap) -> Result<&str, AuthError> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next().ok_or(AuthError::Missing)?;
    if values.next().is_some() {
        return Err(AuthError::Invalid);
    }
    bearer(value.to_str().map_err(|_| AuthError::Invalid)?)
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::routing::get;

    use super::*;
    use crate::auth::mint_hs256;
    use crate::http::tests::{ADA, Chat, SECRET};

    async fn who(Caller(caller): Caller) -> String {
        caller.user.to_string()
    }

    async fn who_was(CallerOrExpired(caller): CallerOrExpired) -> String {
        format!("{} {}", caller.user, caller.expired)
    }

    #[tokio::test]
    async fn the_header_says_who_asks() {
        let chat = Chat::new(Router::new().route("/who", get(who)).route("/was", get(who_was))).await;
        let token = |expires_at| mint_hs256(SECRET, &ADA.parse().expect("valid"), false, expires_at);
        let good = token(Timestamp::now().plus_secs(60));
        let old = token(Timestamp::now().minus_secs(1));
        let missing = Err("Missing access token");
        let invalid = Err("Invalid or expired token");
        for (header, who, was) in [
            (format!("Bearer {good}"), Ok("ada@example.com"), Ok("ada@example.com false")),
            (format!("bEARER {good}"), Ok("ada@example.com"), Ok("ada@example.com false")),
            (format!("Bearer {old}"), invalid, Ok("ada@example.com true")),
            ("Bearer x".into(), invalid, invalid),
            ("Bearer \u{e9}".into(), invalid, invalid),
            ("Basic x".into(), missing, missing),
            (good.clone(), missing, missing),
        ] {
            for (path, expected) in [("/who", who), ("/was", was)] {
                let answer = chat.request(None, "GET", path, &[("authorization", &header)], "").await;
                match expected {
                    Ok(text) => assert_eq!((answer.status, answer.body.as_ref()), (200, text.as_bytes())),
                    Err(detail) => {
                        assert_eq!((answer.status, answer.detail()), (401, detail.to_owned()), "{header}");
                        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
                    }
                }
            }
        }
        let bearer = format!("Bearer {good}");
        let twice = [("authorization", bearer.as_str()); 2];
        assert_eq!(chat.request(None, "GET", "/who", &twice, "").await.status, 401);
        assert_eq!(chat.request(None, "GET", "/who", &[], "").await.detail(), "Missing access token");
    }
}
