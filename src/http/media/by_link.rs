//! A message's file for clients with a link. No token is looked at, good or bad.

use axum::extract::{FromRequestParts, Query};
use axum::http::header::{CACHE_CONTROL, HeaderValue, REFERRER_POLICY};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};

use super::presentation::CROSS_ORIGIN_RESOURCE_POLICY;
use super::{file, named, redirect};
use crate::http::Api;
use crate::http::error::ApiError;
use crate::links::Presented;
use crate::message::is_same_file_name;
use crate::time::Timestamp;

/// The parameters of a link.
const EXP: &str = "exp";
const SIG: &str = "sig";

/// Whether the request has any parameter of a link. Then only the link is judged, so that a bad link has one
/// answer whatever else the request has.
pub(super) fn is_presented(parts: &Parts) -> bool {
    let query = parts.uri.query().unwrap_or_default();
    query.split('&').any(|pair| matches!(pair.split('=').next(), Some(EXP | SIG)))
}

/// The file, or a refusal that is equal for every cause. Pages of all origins may embed the answer, and it
/// may be kept as long as the link is valid.
pub(super) async fn get(api: &Api, parts: Parts) -> Response {
    let judged = linked_file(api, parts).await;
    let (mut response, left_secs) = match judged {
        Ok((response, left_secs)) => (response, Some(left_secs)),
        Err(error) => (error.into_response(), None),
    };
    let most_secs = if redirect::is_to_store(&response) { redirect::KEPT_SECS } else { u64::MAX };
    let headers = response.headers_mut();
    headers.insert(CROSS_ORIGIN_RESOURCE_POLICY, HeaderValue::from_static("cross-origin"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    if let Some(left_secs) = left_secs {
        let kept = HeaderValue::from_str(&format!("private, max-age={}", left_secs.min(most_secs)));
        headers.insert(CACHE_CONTROL, kept.expect("a number is ASCII"));
    }
    response
}

/// The answer, and for how many seconds the link is still valid. The signature is checked before the message
/// is read: without a valid one, neither the text nor the time of the answer tells whether a message exists.
async fn linked_file(api: &Api, mut parts: Parts) -> Result<(Response, u64), ApiError> {
    let invalid = ApiError::invalid_link;
    let presented = presented(&mut parts).await.ok_or_else(invalid)?;
    let (id, file_name) = named(&mut parts).await.ok_or_else(invalid)?;
    let left_secs = api.0.links.judge(&presented, id, &file_name, Timestamp::now()).ok_or_else(invalid)?;
    let message = api.0.chats.linked_message(id).await.map_err(gone_is_invalid)?;
    if !is_same_file_name(&file_name, &message.stored_name) {
        return Err(invalid());
    }
    Ok((file(api, &message, &parts).await.map_err(gone_is_invalid)?, left_secs))
}

fn gone_is_invalid(error: impl Into<ApiError>) -> ApiError {
    let error = error.into();
    if error.says_gone() { ApiError::invalid_link() } else { error }
}

/// The link in the query, beside other parameters. A parameter that is given twice counts as absent.
async fn presented(parts: &mut Parts) -> Option<Presented> {
    let Query(query) = Query::<Vec<(String, String)>>::from_request_parts(parts, &()).await.ok()?;
    let only = |name: &str| {
        let mut values = query.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str());
        values.next().filter(|_| values.next().is_none())
    };
    Presented::of(only(EXP)?, only(SIG)?)
}
