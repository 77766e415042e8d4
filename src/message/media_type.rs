//! MIME types: declared by a client, or derived from a name.

use std::fmt;
use std::str::FromStr;

/// A syntactically valid `type/subtype`, lower case, without parameters (RFC 9110 §8.3.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaType(String);

/// The text is not a media type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a media type")]
pub struct InvalidMediaType;

impl MediaType {
    /// The type as `type/subtype`.
    pub fn essence(&self) -> &str {
        &self.0
    }

    /// The part before the slash.
    pub fn top(&self) -> &str {
        self.0.split_once('/').map_or("", |(top, _)| top)
    }

    /// The type that the extension of a file name stands for, if it is one that chats know.
    pub fn by_extension(file_name: &str) -> Option<Self> {
        let extension = file_name.rsplit_once('.')?.1.to_ascii_lowercase();
        let known = KNOWN.iter().find(|(e, _)| *e == extension)?;
        Some(Self(known.1.to_owned()))
    }
}

impl FromStr for MediaType {
    type Err = InvalidMediaType;

    fn from_str(text: &str) -> Result<Self, InvalidMediaType> {
        let essence = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let is_token = |t: &str| {
            !t.is_empty() && t.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
        };
        match essence.split_once('/') {
            Some((top, sub)) if essence.len() <= 127 && is_token(top) && is_token(sub) => Ok(Self(essence)),
            _ => Err(InvalidMediaType),
        }
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

const KNOWN: [(&str, &str); 31] = [
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("png", "image/png"),
    ("gif", "image/gif"),
    ("webp", "image/webp"),
    ("bmp", "image/bmp"),
    ("mp4", "video/mp4"),
    ("webm", "video/webm"),
    ("mov", "video/quicktime"),
    ("avi", "video/x-msvideo"),
    ("mkv", "video/x-matroska"),
    ("flv", "video/x-flv"),
    ("heic", "image/heic"),
    ("svg", "image/svg+xml"),
    ("mp3", "audio/mpeg"),
    ("m4a", "audio/mp4"),
    ("ogg", "audio/ogg"),
    ("wav", "audio/wav"),
    ("aac", "audio/aac"),
    ("flac", "audio/flac"),
    ("oga", "audio/ogg"),
    ("opus", "audio/ogg"),
    ("weba", "audio/webm"),
    ("pdf", "application/pdf"),
    ("zip", "application/zip"),
    ("json", "application/json"),
    ("txt", "text/plain"),
    ("csv", "text/csv"),
    ("md", "text/markdown"),
    ("html", "text/html"),
    ("htm", "text/html"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_and_case_are_dropped() {
        let parsed: MediaType = "Video/MP4; codecs=\"avc1\"".parse().expect("valid");
        assert_eq!((parsed.essence(), parsed.top()), ("video/mp4", "video"));
    }

    #[test]
    fn what_is_no_type_is_refused() {
        for text in ["", "video", "/", "a/", "/b", "a/b/c", "a b/c", "text/html\r\nX: y", &"a/".repeat(70)] {
            assert_eq!(text.parse::<MediaType>(), Err(InvalidMediaType), "{text:?}");
        }
    }
}
