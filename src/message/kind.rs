//! The kind of a message: image, video or file.

use serde::{Deserialize, Serialize};

use super::media_type::MediaType;

/// A message's `type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MessageKind {
    /// The file is a picture.
    Image,
    /// The file is a film.
    Video,
    /// The file is anything else.
    File,
}

impl MessageKind {
    /// The kind of a file by its extension, in any letter case. Without a known extension the declared MIME
    /// type decides; there SVG counts as a file, because it can carry scripts.
    pub fn of(file_name: &str, declared: Option<&MediaType>) -> Self {
        let extension = file_name.rsplit_once('.').map(|(_, e)| e.to_ascii_lowercase());
        match extension.as_deref() {
            Some("jpg" | "jpeg" | "png" | "gif" | "webp" | "bmp") => Self::Image,
            Some("mp4" | "webm" | "mov" | "avi" | "mkv" | "flv") => Self::Video,
            _ => Self::by_type(declared),
        }
    }

    fn by_type(declared: Option<&MediaType>) -> Self {
        match declared.map(|t| (t.top(), t.essence())) {
            Some(("image", essence)) if !essence.starts_with("image/svg") => Self::Image,
            Some(("video", _)) => Self::Video,
            _ => Self::File,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extension_decides_before_the_declared_type() {
        for (name, declared, kind) in [
            ("a.JPG", None, MessageKind::Image),
            ("a.jpeg", Some("video/mp4"), MessageKind::Image),
            ("a.mkv", None, MessageKind::Video),
            ("a.FlV", Some("text/plain"), MessageKind::Video),
            ("a.pdf", None, MessageKind::File),
            ("a.heic", Some("image/heic"), MessageKind::Image),
            ("a", Some("image/png; q=1"), MessageKind::Image),
            ("a", Some("VIDEO/MP4"), MessageKind::Video),
            ("a.svg", Some("image/svg+xml"), MessageKind::File),
            ("a.svg", Some("image/SVG+xml"), MessageKind::File),
            ("a", Some("text/html"), MessageKind::File),
            ("mp4", None, MessageKind::File),
        ] {
            let declared = declared.and_then(|d| d.parse().ok());
            assert_eq!(MessageKind::of(name, declared.as_ref()), kind, "{name} {declared:?}");
        }
    }
}
