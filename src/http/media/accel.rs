//! Answers without bytes, which tell a proxy that has the same disk which file to send in their place.
//!
//! Everything but the bytes stays decided here: who may have the file, whether it is still there, what it is
//! called, and for whom it is kept. The proxy takes bytes and, of a range, the bounds. Requests of which it
//! might make something else are answered with the bytes, as without a proxy.

use axum::body::Body;
use axum::http::header::{
    ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, HeaderMap, HeaderName, HeaderValue, IF_MATCH,
    IF_MODIFIED_SINCE, IF_RANGE, IF_UNMODIFIED_SINCE, RANGE,
};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::response::Response;

use crate::message::Message;

/// For nginx, which answers what is at this URI: percent-encoded.
const X_ACCEL_REDIRECT: HeaderName = HeaderName::from_static("x-accel-redirect");
/// For Apache, Caddy and others, which send the file with this path: as the name is.
const X_SENDFILE: HeaderName = HeaderName::from_static("x-sendfile");
/// The route of media, in front of a file's place in the folder of all of them.
const ROUTE: &str = "/uploads/chats/";
/// The most digits of a position that every proxy takes for a number.
const MOST_DIGITS: usize = 18;

/// Takes the bytes out of an answer with a message's file, and names the file in it instead.
pub(super) fn hand_over(prefix: &str, message: &Message, request: &Parts, response: &mut Response) {
    if !is_the_same_to_a_proxy(&request.method, &request.headers, response.status()) || message.file_size == 0
    {
        return;
    }
    let url = message.media_url();
    let place = url.strip_prefix(ROUTE).expect("media have this route");
    let uri = HeaderValue::from_str(&format!("{prefix}{place}")).expect("a URL is ASCII");
    let Message { id, stored_name, .. } = message;
    let path = HeaderValue::from_bytes(format!("{prefix}{id}/{stored_name}").as_bytes());
    *response.body_mut() = Body::empty();
    *response.status_mut() = StatusCode::OK;
    let headers = response.headers_mut();
    for of_bytes in [ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE] {
        headers.remove(of_bytes);
    }
    headers.insert(X_ACCEL_REDIRECT, uri);
    headers.insert(X_SENDFILE, path.expect("a stored name has no control characters"));
}

/// Whether a proxy that has the file makes the same answer of the request as this server, which decided for
/// this status. Dates it would compare with the file's own, and what is not quite a range it may refuse.
fn is_the_same_to_a_proxy(method: &Method, headers: &HeaderMap, status: StatusCode) -> bool {
    let by_other_rules = [IF_MATCH, IF_MODIFIED_SINCE, IF_UNMODIFIED_SINCE];
    if method != Method::GET || by_other_rules.iter().any(|name| headers.contains_key(name)) {
        return false;
    }
    match status {
        StatusCode::OK => !headers.contains_key(RANGE),
        StatusCode::PARTIAL_CONTENT => {
            let is_plain = headers.get(RANGE).is_some_and(is_plain_range);
            let is_tag = |value: &HeaderValue| value.as_bytes().starts_with(b"\"");
            is_plain && headers.get(IF_RANGE).is_none_or(is_tag)
        }
        _ => false,
    }
}

/// Whether a range is spelled as all understand it.
fn is_plain_range(value: &HeaderValue) -> bool {
    let set = value.to_str().ok().and_then(|text| text.strip_prefix("bytes="));
    let is_number = |text: &str| text.len() <= MOST_DIGITS && text.bytes().all(|byte| byte.is_ascii_digit());
    set.and_then(|set| set.split_once('-')).is_some_and(|(first, last)| is_number(first) && is_number(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_proxy_answers_alike_is_handed_over() {
        let tag = ("if-range", "\"a-1\"");
        for (method, headers, status, expected) in [
            ("GET", &[][..], 200, true),
            ("GET", &[("if-none-match", "\"other\"")], 200, true),
            ("GET", &[("range", "bytes=0-1")], 206, true),
            ("GET", &[("range", "bytes=1-")], 206, true),
            ("GET", &[("range", "bytes=-1")], 206, true),
            ("GET", &[("range", "bytes=0-1"), tag], 206, true),
            ("HEAD", &[], 200, false),
            ("GET", &[], 304, false),
            ("GET", &[("range", "bytes=9-")], 416, false),
            // A range that does not count.
            ("GET", &[("range", "bytes=2-1")], 200, false),
            ("GET", &[("range", "bytes=0-1,4-5")], 200, false),
            ("GET", &[("range", "bytes=0-1"), tag], 200, false),
            // One that counts here, and perhaps not there.
            ("GET", &[("range", "BYTES=0-1")], 206, false),
            ("GET", &[("range", "bytes= 0-1")], 206, false),
            ("GET", &[("range", "bytes=0-1000000000000000000")], 206, false),
            // The proxy knows another date, and may know another tag.
            ("GET", &[("range", "bytes=0-1"), ("if-range", "Sun, 06 Nov 1994 08:49:37 GMT")], 206, false),
            ("GET", &[("if-modified-since", "Sun, 06 Nov 1994 08:49:37 GMT")], 200, false),
            ("GET", &[("if-unmodified-since", "Sun, 06 Nov 2094 08:49:37 GMT")], 200, false),
            ("GET", &[("if-match", "*")], 200, false),
        ] {
            let method = method.parse().expect("a method");
            let map = headers
                .iter()
                .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
            let status = StatusCode::from_u16(status).expect("a status");
            let same = is_the_same_to_a_proxy(&method, &map.collect(), status);
            assert_eq!(same, expected, "{method} {headers:?}");
        }
    }
}
