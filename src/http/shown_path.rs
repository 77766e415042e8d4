//! A request's path as the log may show it: only ids and the words of routes. File names are the users' own,
//! and clients may ask for any path.

use std::fmt;

/// Words that come before an id.
const BEFORE_IDS: [&str; 4] = ["files", "conversations", "messages", "chats"];
const WORDS: [&str; 7] = ["upload", "uploads", "healthz", "readyz", "metrics", "socket.io", "media-link"];
/// The most parts that are shown: no route has more.
const MOST_PARTS: usize = 6;

/// A path as the log shows it.
pub(super) struct Shown<'a>(pub(super) &'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut before = "";
        let parts = self.0.strip_prefix('/').unwrap_or(self.0).split('/');
        for (count, part) in parts.enumerate() {
            if count == MOST_PARTS {
                return f.write_str("/…");
            }
            let is_known = part.is_empty() || BEFORE_IDS.contains(&part) || WORDS.contains(&part);
            let is_id = BEFORE_IDS.contains(&before) && looks_like_an_id(part);
            write!(f, "/{}", if is_known || is_id { part } else { "…" })?;
            before = part;
        }
        Ok(())
    }
}

/// Whether a part has the 24 hex digits of a message or conversation, or an upload's 32, perhaps hyphenated.
fn looks_like_an_id(part: &str) -> bool {
    matches!(part.len(), 24 | 32 | 36) && part.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_and_ids_are_shown_and_nothing_else() {
        for (path, shown) in [
            ("/", "/"),
            ("/files", "/files"),
            ("/files/", "/files/"),
            ("/files/0192f0c1-2345-4678-89ab-0123456789ab", "/files/0192f0c1-2345-4678-89ab-0123456789ab"),
            ("/files/0192f0c12345467889ab0123456789ab", "/files/0192f0c12345467889ab0123456789ab"),
            ("/files/secret", "/files/…"),
            (
                "/conversations/507f1f77bcf86cd799439012/messages",
                "/conversations/507f1f77bcf86cd799439012/messages",
            ),
            (
                "/uploads/chats/507f1f77bcf86cd799439011/divorce.pdf",
                "/uploads/chats/507f1f77bcf86cd799439011/…",
            ),
            (
                "/uploads/chats/507f1f77bcf86cd799439011/507f1f77bcf86cd799439012",
                "/uploads/chats/507f1f77bcf86cd799439011/…",
            ),
            ("/chat/messages/upload", "/…/messages/upload"),
            ("/socket.io/", "/socket.io/"),
            ("/eyJhbGciOiJIUzI1NiJ9.e30.x", "/…"),
            ("/files/507f1f77bcf86cd799439012x", "/files/…"),
            ("/a/b/c/d/e/f/g/h", "/…/…/…/…/…/…/…"),
            ("*", "/…"),
        ] {
            assert_eq!(Shown(path).to_string(), shown, "{path}");
        }
    }
}
