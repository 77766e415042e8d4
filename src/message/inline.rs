//! Types of media that a browser may show in our origin: by the file's name, unless its first bytes
//! contradict it.

use super::media_type::MediaType;
use super::record::Message;

/// How many of a file's first bytes are examined.
pub const SNIFFED_BYTES: u64 = 512;

/// The types that a browser may render: none that can carry a script of the uploader's.
const SHOWN: [&str; 18] = [
    "image/jpeg",
    "image/png",
    "image/gif",
    "image/webp",
    "image/bmp",
    "video/mp4",
    "video/webm",
    "video/quicktime",
    "video/x-msvideo",
    "video/x-matroska",
    "video/x-flv",
    "audio/mpeg",
    "audio/mp4",
    "audio/ogg",
    "audio/wav",
    "audio/aac",
    "audio/flac",
    "audio/webm",
];

/// The type under which a message's media may be shown, judged by its name; `None` for media to be
/// downloaded, whatever they contain. An unknown extension overrules the type that the sender declared:
/// `photo.jpg.exe` is no picture.
pub fn inline_type(message: &Message) -> Option<&'static str> {
    let name = &message.stored_name;
    let by_extension = MediaType::by_extension(name);
    let has_extension = name.rsplit_once('.').is_some_and(|(stem, _)| !stem.is_empty());
    let own = match &by_extension {
        Some(known) => known.essence(),
        None if has_extension => return None,
        None => &message.mime_type,
    };
    shown(own)
}

/// The type under which a file may be shown whose name says `named` and which begins with these bytes.
///
/// Another kind of picture is shown as the kind that it is. If the bytes tell nothing, the name decides: no
/// list of video formats is complete, and a browser that was told not to guess makes no page of them.
pub fn inline_type_of(named: &'static str, first_bytes: &[u8]) -> Option<&'static str> {
    if is_markup(first_bytes) {
        return None;
    }
    let Some(found) = infer::get(first_bytes).map(|found| found.mime_type()) else { return Some(named) };
    match top_of(named) {
        "image" => shown(found).filter(|found| top_of(found) == "image"),
        _ => Some(named).filter(|_| matches!(top_of(found), "video" | "audio")),
    }
}

/// Whether the bytes may begin a page or a drawing with scripts. Those begin with `<`, after white space and
/// byte order marks; no picture, film or sound does.
fn is_markup(bytes: &[u8]) -> bool {
    // In UTF-16 every other byte is zero.
    let skipped = |b: &u8| b.is_ascii_whitespace() || matches!(b, 0xef | 0xbb | 0xbf | 0xfe | 0xff | 0);
    bytes.iter().find(|b| !skipped(b)) == Some(&b'<')
}

fn shown(essence: &str) -> Option<&'static str> {
    SHOWN.into_iter().find(|known| *known == essence)
}

fn top_of(essence: &str) -> &str {
    essence.split_once('/').map_or("", |(top, _)| top)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::record::sample;

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
    const JPEG: &[u8] = b"\xff\xd8\xff\xe0\0\x10JFIF\0";
    const MP4: &[u8] = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom";
    const UNUSUAL_MP4: &[u8] = b"\0\0\0\x18ftypzzzz\0\0\0\0zzzzyyyy";
    const MP3: &[u8] = b"ID3\x04\0\0\0\0\0\0";
    const EXE: &[u8] = b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff\0\0";

    #[test]
    fn the_name_says_what_may_be_shown() {
        for (name, declared, shown) in [
            ("a.PNG", "text/html", Some("image/png")),
            ("a.mp3", "application/octet-stream", Some("audio/mpeg")),
            ("a.flac", "application/octet-stream", Some("audio/flac")),
            ("a.opus", "application/octet-stream", Some("audio/ogg")),
            ("photo", "image/jpeg", Some("image/jpeg")),
            (".photo", "image/jpeg", Some("image/jpeg")),
            ("photo", "image/svg+xml", None),
            ("photo", "text/html", None),
            ("photo.jpg.exe", "image/jpeg", None),
            ("photo.html", "image/jpeg", None),
            ("a.heic", "image/heic", None),
        ] {
            let message = Message { mime_type: declared.into(), ..sample(name) };
            assert_eq!(inline_type(&message), shown, "{name} declared as {declared}");
        }
    }

    #[test]
    fn the_first_bytes_may_say_otherwise() {
        for (named, bytes, shown) in [
            ("image/png", PNG, Some("image/png")),
            ("image/jpeg", PNG, Some("image/png")),
            ("image/png", JPEG, Some("image/jpeg")),
            ("video/mp4", MP4, Some("video/mp4")),
            ("video/quicktime", MP4, Some("video/quicktime")),
            ("audio/mp4", MP4, Some("audio/mp4")),
            ("video/mp4", UNUSUAL_MP4, Some("video/mp4")),
            ("audio/mpeg", MP3, Some("audio/mpeg")),
            ("video/mp4", b"0123456789", Some("video/mp4")),
            ("video/mp4", b"", Some("video/mp4")),
            ("image/jpeg", EXE, None),
            ("video/mp4", EXE, None),
            ("video/mp4", PNG, None),
            ("image/png", MP4, None),
            ("image/png", b"%PDF-1.7\n", None),
            ("image/png", b"PK\x03\x04\x14\0\0\0", None),
            ("audio/mpeg", b"#!/bin/sh\n", None),
            ("image/png", b"<!DOCTYPE html><p>", None),
            ("image/png", b"\n\t <p>a", None),
            ("image/png", b"\xef\xbb\xbf<html>", None),
            ("image/png", b"\xff\xfe<\0h\0", None),
            ("image/png", b"\xfe\xff\0<\0h", None),
            ("video/mp4", b"<?xml version=\"1.0\"?><svg", None),
        ] {
            assert_eq!(inline_type_of(named, bytes), shown, "{named}: {bytes:?}");
        }
    }

    #[test]
    fn nothing_scriptable_is_shown() {
        for known in SHOWN {
            assert!(!known.contains("html") && !known.contains("svg") && !known.contains("xml"));
        }
    }
}
