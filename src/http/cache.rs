//! Rules for caches: what one user got is kept for no other user, nor for a client without a token.

use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, HeaderValue, ORIGIN, VARY};
use axum::http::{HeaderMap, StatusCode};

/// Kept only in the caller's own cache, validated before each use, and for the same token only. Without a
/// validator the answer is fetched again each time.
const FOR_ITS_TOKEN: HeaderValue = HeaderValue::from_static("private, no-cache");
/// Never kept, as a refusal is about this moment.
const NEVER: HeaderValue = HeaderValue::from_static("no-store");

/// Makes an answer private, unless it says itself how it may be kept. As a rule an answer depends on the
/// caller, and an answer that does not is the exception.
pub(super) fn keep_private(status: StatusCode, headers: &mut HeaderMap) {
    if headers.contains_key(CACHE_CONTROL) || status.is_informational() {
        return;
    }
    let is_content = status.is_success() || status == StatusCode::NOT_MODIFIED;
    headers.insert(CACHE_CONTROL, if is_content { FOR_ITS_TOKEN } else { NEVER });
    vary_with_token(headers);
}

/// Adds the token to what an answer varies with: in one line, because a proxy that copies a header may copy
/// only its first line.
fn vary_with_token(headers: &mut HeaderMap) {
    if headers.get(VARY).is_some_and(|known| known == HeaderValue::from_name(ORIGIN)) {
        headers.insert(VARY, HeaderValue::from_static("origin, authorization"));
    } else {
        headers.append(VARY, HeaderValue::from_name(AUTHORIZATION));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_token_got_is_for_no_other() {
        for (status, kept) in [
            (200, Some("private, no-cache")),
            (206, Some("private, no-cache")),
            (304, Some("private, no-cache")),
            (401, Some("no-store")),
            (403, Some("no-store")),
            (404, Some("no-store")),
            (416, Some("no-store")),
            (500, Some("no-store")),
            (101, None),
        ] {
            let mut headers = HeaderMap::from_iter([(VARY, HeaderValue::from_name(ORIGIN))]);
            keep_private(StatusCode::from_u16(status).expect("a status"), &mut headers);
            let text = |value: &HeaderValue| value.to_str().expect("ASCII").to_owned();
            assert_eq!(headers.get(CACHE_CONTROL).map(text).as_deref(), kept, "{status}");
            let vary: Vec<_> = headers.get_all(VARY).iter().map(text).collect();
            let expected = if kept.is_some() { ["origin, authorization"] } else { ["origin"] };
            assert_eq!(vary, expected, "{status}");
        }
    }

    #[test]
    fn an_answer_may_say_otherwise_itself() {
        let own = HeaderValue::from_static("private, max-age=60");
        let mut headers = HeaderMap::from_iter([(CACHE_CONTROL, own.clone())]);
        keep_private(StatusCode::OK, &mut headers);
        assert_eq!(headers, HeaderMap::from_iter([(CACHE_CONTROL, own)]));
    }
}
