//! Turns the path of a request into the path of a route.

use axum::http::Uri;

use crate::base_path::BasePath;

/// Removes the base path, and answers whether the request is below it. Any other path stays as it is.
pub(super) fn strip(base: &BasePath, uri: &mut Uri) -> bool {
    if base.is_empty() {
        return true;
    }
    let route = base.strip(uri.path()).map(str::to_owned);
    route.is_some_and(|route| replace(uri, &route))
}

/// Removes a slash at the end of a path: every route answers with it and without. Socket.IO has its own rule.
pub(super) fn end_without_slash(uri: &mut Uri) {
    let path = uri.path();
    let Some(path) = path.strip_suffix('/').filter(|path| !path.is_empty()) else { return };
    let path = path.to_owned();
    replace(uri, &path);
}

/// Replaces the path before the query; answers whether that is possible.
fn replace(uri: &mut Uri, path: &str) -> bool {
    let path = match uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = path.parse().ok();
    match Uri::from_parts(parts) {
        Ok(replaced) => *uri = replaced,
        Err(_) => return false,
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slash_at_the_end_says_nothing() {
        for (given, expected) in [
            ("/files/", "/files"),
            ("/files", "/files"),
            ("/", "/"),
            ("/?a=/", "/?a=/"),
            ("/files/?limit=1", "/files?limit=1"),
            ("/files/?", "/files?"),
            ("/files?a=b/", "/files?a=b/"),
            ("/files//", "/files/"),
            ("//", "/"),
            ("/a%2F/", "/a%2F"),
            ("http://chat.example:8000/files/?a", "http://chat.example:8000/files?a"),
            ("http://chat.example/", "http://chat.example/"),
            ("*", "*"),
        ] {
            let mut uri: Uri = given.parse().expect("valid");
            end_without_slash(&mut uri);
            assert_eq!(uri, expected, "{given}");
        }
    }

    #[test]
    fn a_request_below_the_base_path_is_routed_without_it() {
        for (base, given, routed) in [
            ("", "/files?a=b", Some("/files?a=b")),
            ("/chat", "/chat/files?a=b&c", Some("/files?a=b&c")),
            ("/chat", "/chat?a", Some("/?a")),
            ("/chat", "/chat/?", Some("/?")),
            ("/chat", "/chat/files/", Some("/files/")),
            ("/chat", "/chat/socket.io/?EIO=4", Some("/socket.io/?EIO=4")),
            ("/chat", "/chat/uploads/chats/1/n%C3%A9.mp4", Some("/uploads/chats/1/n%C3%A9.mp4")),
            ("/chat", "http://a:1/chat/files", Some("http://a:1/files")),
            ("/chat", "/chat//evil.example", Some("//evil.example")),
            ("/chat", "/files", None),
            ("/chat", "/chatter/files", None),
            ("/chat", "/socket.io/?path=/chat", None),
            ("/chat", "*", None),
            ("/chat", "a:1", None),
        ] {
            let mut uri: Uri = given.parse().expect("valid");
            let is_below = strip(&base.parse().expect("a base path"), &mut uri);
            assert_eq!(is_below, routed.is_some(), "{base} {given}");
            assert_eq!(uri.to_string(), routed.unwrap_or(given), "{base} {given}");
        }
    }
}
