//! The route of a path, for metrics: one of a few names, whatever paths clients ask for.

/// Name for every path without a route: an unknown one, or a file of the page's own.
pub(super) const OTHER: &str = "other";
/// The most parts of a route's path.
const MOST_PARTS: usize = 4;

/// The route of a path below the base path.
pub(super) fn route_of(path: &str) -> &'static str {
    let (mut parts, mut count) = ([""; MOST_PARTS], 0);
    for part in path.trim_matches('/').split('/') {
        let Some(place) = parts.get_mut(count) else { return OTHER };
        *place = part;
        count += 1;
    }
    match parts[..count] {
        [""] => "/",
        ["files"] => "/files",
        ["files", _] => "/files/{upload_id}",
        ["messages"] => "/messages",
        ["messages", "upload"] => "/messages/upload",
        ["messages", _] => "/messages/{message_id}",
        ["messages", _, "media-link"] => "/messages/{message_id}/media-link",
        ["conversations", _] => "/conversations/{conversation_id}",
        ["conversations", _, "files"] => "/conversations/{conversation_id}/files",
        ["conversations", _, "messages"] => "/conversations/{conversation_id}/messages",
        ["conversations", _, "uploads"] => "/conversations/{conversation_id}/uploads",
        ["uploads", "chats", _, _] => "/uploads/chats/{message_id}/{filename}",
        ["healthz"] => "/healthz",
        ["readyz"] => "/readyz",
        ["metrics"] => "/metrics",
        ["docs"] => "/docs",
        ["docs", _] => "/docs/{name}",
        ["openapi.json"] => "/openapi.json",
        ["asyncapi.json"] => "/asyncapi.json",
        ["socket.io"] => "/socket.io/",
        _ => OTHER,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn every_route_has_its_own_name() {
        let openapi: Value = serde_json::from_str(crate::docs::OPENAPI).expect("JSON");
        for path in openapi["paths"].as_object().expect("paths").keys() {
            assert_eq!(route_of(path), path);
        }
    }

    #[test]
    fn what_no_route_has_is_all_the_same() {
        for path in ["/secret", "/files/a/b", "/messages/a/b", "/a/b/c/d/e", "/uploads", "/conversations"] {
            assert_eq!(route_of(path), OTHER, "{path}");
        }
        assert_eq!(route_of("/files/"), "/files");
        assert_eq!(route_of("*"), OTHER);
    }
}
