//! Messages with links.

use harness::chat::Chat;
use harness::http::{Request, Response};
use serde_json::Value;

pub(crate) const CONTENT: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyz";

pub(crate) const KEY: &str = "a key of the tests of media links";

pub(crate) fn text<'a>(json: &'a Value, key: &str) -> &'a str {
    json[key].as_str().unwrap_or_else(|| panic!("no {key} in {json}"))
}

/// The media link of a message. Checks that it is the media URL with two parameters.
pub(crate) fn link_of(message: &Value) -> String {
    let link = text(message, "media_link");
    let query = link.strip_prefix(text(message, "media_url")).expect("the link is the URL and a query");
    assert!(query.starts_with("?exp=") && query.contains("&sig="), "{query}");
    assert!(text(message, "media_link_expires_at").ends_with('Z'), "{message}");
    link.to_owned()
}

pub(crate) fn exp_of(link: &str) -> u64 {
    let exp = link.split_once("exp=").and_then(|(_, rest)| rest.split('&').next()).expect("a link ends");
    exp.parse().expect("it ends at a second")
}

/// A request without a token.
pub(crate) fn get(chat: &Chat, link: &str) -> Request {
    chat.server.request("GET", link)
}

/// Checks that a link was refused, in the words for every bad link.
pub(crate) fn check_refused(answer: &Response, what: &str) {
    assert_eq!(
        (answer.status, answer.json()["detail"].as_str()),
        (403, Some("Invalid or expired link")),
        "{what}"
    );
    assert_eq!(answer.expect("Cache-Control"), "no-store", "{what}");
}

pub(crate) fn sig(link: &str) -> &str {
    link.split_once("sig=").expect("a signature").1
}
