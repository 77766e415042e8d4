//! The path below which clients find the server: what a proxy or `--base-path` puts before every route.

use std::fmt;
use std::str::FromStr;

/// The most bytes of one.
const MAX_BYTES: usize = 256;

/// Nothing, or segments such as `/chat` and `/a/b`, without a slash at the end. It stands in URLs that
/// clients keep, in `Upload-Concat`, whose separators it must not contain, and in `media_url`, so it has
/// unreserved characters only (RFC 3986 §2.3).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BasePath(String);

/// Why a text is no base path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a base path is like /chat or /a/b: letters, digits, `-`, `_`, `~` and `.` between slashes, no `..`, at most \
     {MAX_BYTES} bytes"
)]
pub struct InvalidBasePath;

impl BasePath {
    /// What is left of a request's path below the base, beginning with a slash; `None` for a path outside of
    /// it.
    pub fn strip<'a>(&self, path: &'a str) -> Option<&'a str> {
        match path.strip_prefix(self.0.as_str())? {
            "" => Some("/"),
            rest if rest.starts_with('/') => Some(rest),
            _ => None,
        }
    }

    /// The path of a route, as clients have to ask for it.
    pub fn of(&self, route: &str) -> String {
        format!("{}{route}", self.0)
    }

    /// This base below another one, whose owner takes its own away before it passes requests on.
    #[must_use]
    pub fn below(&self, outer: &Self) -> Self {
        Self(outer.of(&self.0))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromStr for BasePath {
    type Err = InvalidBasePath;

    /// The slashes at both ends may be missing; nothing and `/` are no base.
    fn from_str(text: &str) -> Result<Self, InvalidBasePath> {
        if matches!(text, "" | "/") {
            return Ok(Self::default());
        }
        let inner = text.strip_prefix('/').unwrap_or(text);
        let inner = inner.strip_suffix('/').unwrap_or(inner);
        let is_fit = text.len() <= MAX_BYTES && inner.split('/').all(is_segment);
        if is_fit { Ok(Self(format!("/{inner}"))) } else { Err(InvalidBasePath) }
    }
}

/// Clients and proxies take `.` and `..` out of a path before they send it.
fn is_segment(text: &str) -> bool {
    let is_unreserved = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'~' | b'.');
    !text.is_empty() && !matches!(text, "." | "..") && text.bytes().all(is_unreserved)
}

impl fmt::Display for BasePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(text: &str) -> BasePath {
        text.parse().expect("a base path")
    }

    #[test]
    fn a_base_path_is_segments_of_unreserved_characters() {
        for (text, path) in [
            ("", ""),
            ("/", ""),
            ("chat", "/chat"),
            ("/chat", "/chat"),
            ("/chat/", "/chat"),
            ("chat/", "/chat"),
            ("/a/b", "/a/b"),
            ("a/b/", "/a/b"),
            ("/Chat-1_2~3.4", "/Chat-1_2~3.4"),
            ("/...", "/..."),
        ] {
            assert_eq!(text.parse::<BasePath>().map(|base| base.to_string()), Ok(path.to_owned()), "{text}");
        }
        let long = "x".repeat(MAX_BYTES);
        for text in [
            "//",
            "/a//b",
            "//a",
            "a//",
            "..",
            "/../a",
            "/a/..",
            ".",
            "/./a",
            "/a?b",
            "/a#b",
            "/a b",
            " /a",
            "/a%2f",
            "/a;b",
            "/a,b",
            "/é",
            "/a\n",
            "/a\\b",
            "http://a",
            &format!("/{long}"),
        ] {
            assert_eq!(text.parse::<BasePath>(), Err(InvalidBasePath), "{text:?}");
        }
    }

    #[test]
    fn what_is_below_the_base_is_a_route_and_nothing_else() {
        for (text, path, route) in [
            ("", "/files", Some("/files")),
            ("/chat", "/chat/files", Some("/files")),
            ("/chat", "/chat/", Some("/")),
            ("/chat", "/chat", Some("/")),
            ("/chat", "/chat//files", Some("//files")),
            ("/chat", "/chatter/files", None),
            ("/chat", "/files", None),
            ("/chat", "/", None),
            ("/chat", "/Chat/files", None),
            ("/chat", "/x/chat/files", None),
            ("/a/b", "/a/b/files", Some("/files")),
            ("/a/b", "/a/files", None),
            ("/chat", "*", None),
        ] {
            assert_eq!(base(text).strip(path), route, "{text} {path}");
        }
    }

    #[test]
    fn a_base_below_another_one_follows_it() {
        for (outer, inner, both) in
            [("", "", ""), ("/edge", "", "/edge"), ("", "/chat", "/chat"), ("/edge", "/chat", "/edge/chat")]
        {
            assert_eq!(base(inner).below(&base(outer)), base(both));
            assert_eq!(base(inner).below(&base(outer)).of("/files"), format!("{both}/files"));
        }
    }
}
