//! The name that a client gives its file in a part's `Content-Disposition`. Pure.
//!
//! | how it is written | by | read as |
//! | --- | --- | --- |
//! | `filename="né.txt"` in UTF-8, `%22`, `%0D` and `%0A` for what would break the line | browsers, curl, undici | RFC 7578 §4.2 and the HTML standard: no other escape means anything, `100%25.txt` is a name with a percent sign |
//! | `filename*=UTF-8''n%C3%A9.txt` | .NET, old urllib3, Apache | RFC 8187, in whichever charset it names |
//! | `filename="=?utf-8?B?bsOpLnR4dA==?="` | .NET, Spring, mail libraries | RFC 2047 |
//! | `filename="n%C3%A9%20a.txt"`, everything but letters, digits and `_.-~` escaped | aiohttp | percent-encoded, if that can be told apart from a name that a browser sent unescaped |

mod words;

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8};
use percent_encoding::percent_decode_str;

use crate::message::whole_letters;

/// A name is cut to this many bytes: far more than a file system allows, and few enough to be stored.
const MAX_NAME_BYTES: usize = 1024;
/// The most bytes of an extension that survives the cut.
const MAX_EXTENSION_BYTES: usize = 32;

/// The kind of client that seems to have written a part's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Writer {
    /// A client whose header begins with the part's type, as aiohttp's does. It percent-encodes whole names.
    TypeFirst,
    /// Any other client.
    Other,
}

/// The file's name in the header's value. An extended `filename*` takes precedence, which RFC 7578 forbids
/// and some libraries send.
pub(super) fn file_name(disposition: &[u8], writer: Writer) -> Option<String> {
    let disposition = String::from_utf8_lossy(disposition);
    let parameters = parameters(&disposition);
    let value =
        |name: &str| parameters.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_ref());
    let extended = value("filename*").and_then(decode_extended);
    Some(cut(extended.or_else(|| value("filename").map(|plain| decode(plain, writer)))?))
}

/// Decodes a plain `filename`.
fn decode(value: &str, writer: Writer) -> String {
    words::decode(value).or_else(|| percent_decoded(value, writer)).unwrap_or_else(|| unescape(value))
}

/// A name that is percent-encoded as a whole. Escaped characters beyond ASCII show that, as no other client
/// escapes them; without any, only the writer shows it.
fn percent_decoded(value: &str, writer: Writer) -> Option<String> {
    let is_whole = value.bytes().all(|b| b.is_ascii_alphanumeric() || b"%_.-~".contains(&b));
    let decoded = percent_decode_str(value).decode_utf8().ok().filter(|_| is_whole)?;
    (writer == Writer::TypeFirst || !decoded.is_ascii()).then(|| decoded.into_owned())
}

/// The parameters after the disposition's type: names, and values without their quotes.
fn parameters(disposition: &str) -> Vec<(&str, Cow<'_, str>)> {
    let mut found = Vec::new();
    let mut rest = disposition.split_once(';').map_or("", |(_, rest)| rest);
    while let Some((name, after)) = rest.split_once('=') {
        let after = after.trim_start();
        let (value, end) = match after.strip_prefix('"') {
            Some(quoted) => {
                let (value, length) = quoted_value(quoted);
                (Cow::Owned(value), 1 + length)
            }
            None => {
                let length = after.find(';').unwrap_or(after.len());
                (Cow::Borrowed(after[..length].trim_end()), length)
            }
        };
        found.push((name.rsplit(';').next().unwrap_or(name).trim(), value));
        rest = &after[end..];
    }
    found
}

/// A quoted string without its opening quote, and its length. A backslash escapes only a quote: old browsers
/// send whole Windows paths.
fn quoted_value(text: &str) -> (String, usize) {
    let mut value = String::new();
    let mut characters = text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return (value, at + 1),
            '\\' if characters.next_if(|(_, next)| *next == '"').is_some() => value.push('"'),
            other => value.push(other),
        }
    }
    (value, text.len())
}

/// Undoes the escapes of the HTML standard for `multipart/form-data`.
fn unescape(value: &str) -> String {
    let mut plain = value.to_owned();
    for (escape, character) in [("%22", "\""), ("%0D", "\r"), ("%0A", "\n")] {
        plain = plain.replace(escape, character);
    }
    plain
}

/// Decodes `UTF-8''n%C3%A9` (RFC 8187 §3.2.1). If the charset is unknown, the plain `filename` is used.
fn decode_extended(value: &str) -> Option<String> {
    let mut parts = value.splitn(3, '\'');
    let charset = parts.next()?;
    let encoded: Vec<u8> = percent_decode_str(parts.nth(1)?).collect();
    // RFC 5987 knew writers that leave the charset out.
    let encoding = if charset.is_empty() { UTF_8 } else { Encoding::for_label(charset.as_bytes())? };
    let decoded = encoding.decode_without_bom_handling_and_without_replacement(&encoded)?;
    Some(decoded.into_owned())
}

/// Cuts a name to [`MAX_NAME_BYTES`], and keeps its extension.
fn cut(name: String) -> String {
    if name.len() <= MAX_NAME_BYTES {
        return name;
    }
    let dot = name.rfind('.').filter(|dot| name.len() - dot <= MAX_EXTENSION_BYTES).unwrap_or(name.len());
    let (stem, extension) = name.split_at(dot);
    format!("{}{extension}", whole_letters(stem, MAX_NAME_BYTES - extension.len()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_as_clients_send_them() {
        for (parameters, name) in [
            (r#"name="file"; filename="my video.mp4""#, Some("my video.mp4")),
            (r#"filename="a;b=c.mp4"; name="file""#, Some("a;b=c.mp4")),
            (r#"name="file"; filename=plain.mp4"#, Some("plain.mp4")),
            (r#"name="file"; FileName = "a.mp4" ; x=y"#, Some("a.mp4")),
            (r#"name="file"; filename="東京.png""#, Some("東京.png")),
            (r#"name="file"; filename="a%22b%0D%0A.png""#, Some("a\"b\r\n.png")),
            (r#"name="file"; filename="100%DE%25 off.mp4""#, Some("100%DE%25 off.mp4")),
            (r#"name="file"; filename="a\"b.png""#, Some("a\"b.png")),
            (r#"name="file"; filename="C:\dir\new.png""#, Some(r"C:\dir\new.png")),
            (r#"name="file"; filename="a.png"; filename*=UTF-8''n%C3%A9.png"#, Some("né.png")),
            (r#"name="file"; filename="a.png"; filename*=UTF-8''%FF.png"#, Some("a.png")),
            (r#"name="file"; filename="a.png"; filename*=latin1''%E9.png"#, Some("é.png")),
            (r#"name="file"; filename=a.png; filename*=utf-8'de'n%C3%A9%20a.png"#, Some("né a.png")),
            (r#"name="file"; filename="a.png"; filename*="UTF-8''n%C3%A9.png""#, Some("né.png")),
            (r#"name="file"; filename*=ISO-8859-1'en'%A3%20rates"#, Some("£ rates")),
            (r#"name="file"; filename*=''n%C3%A9.png"#, Some("né.png")),
            (r#"name="file"; filename="a.png"; filename*=nonsense''%E9.png"#, Some("a.png")),
            (r#"name="file"; filename="a.png"; filename*=plain.png"#, Some("a.png")),
            (r#"name="file"; filename="=?utf-8?B?bsOpLnR4dA==?=""#, Some("né.txt")),
            (r#"name=file; filename="=?utf-8?Q?n=C3=A9?= =?utf-8?Q?_b.txt?=""#, Some("né b.txt")),
            (r#"name="file"; filename="=?what.txt""#, Some("=?what.txt")),
            // Only a client that escapes everything escapes these.
            (r#"name="file"; filename="%D1%84%20a%25.txt""#, Some("ф a%.txt")),
            // A browser's name that has percent signs of its own.
            (r#"name="file"; filename="100%25.txt""#, Some("100%25.txt")),
            (r#"name="file"; filename="a%20b.txt""#, Some("a%20b.txt")),
            (r#"name="file"; filename="%C3%A9 a.txt""#, Some("%C3%A9 a.txt")),
            (r#"name="file"; filename="%E9.txt""#, Some("%E9.txt")),
            (r#"name="file"; filename="""#, Some("")),
            (r#"name="file"; filename="unclosed"#, Some("unclosed")),
            (r#"name="filename=x""#, None),
            (r#"name="file""#, None),
            ("", None),
        ] {
            let disposition = format!("form-data; {parameters}");
            assert_eq!(file_name(disposition.as_bytes(), Writer::Other).as_deref(), name, "{parameters}");
        }
        let latin1 = file_name(b"form-data; filename=\"\xe9.png\"", Writer::Other);
        assert_eq!(latin1.as_deref(), Some("\u{fffd}.png"));
    }

    #[test]
    fn a_writer_that_escapes_everything_is_taken_at_its_word() {
        for (value, name) in [
            ("a%20b.txt", "a b.txt"),
            ("100%25.txt", "100%.txt"),
            ("a%22b.txt", "a\"b.txt"),
            ("plain.txt", "plain.txt"),
            ("n%C3%A9.txt", "né.txt"),
            // Such a client does not write these names.
            ("100%25 off.txt", "100%25 off.txt"),
            ("%FF.txt", "%FF.txt"),
        ] {
            let disposition = format!("form-data; name=\"file\"; filename=\"{value}\"");
            assert_eq!(file_name(disposition.as_bytes(), Writer::TypeFirst).as_deref(), Some(name));
        }
    }

    #[test]
    fn a_long_name_keeps_its_extension() {
        for (stem, extension) in
            [("x".repeat(5000), ".mp4"), ("界".repeat(2000), ".mp4"), ("x".repeat(5000), "")]
        {
            let name =
                file_name(format!("form-data; filename=\"{stem}{extension}\"").as_bytes(), Writer::Other)
                    .expect("a name");
            assert!(name.len() <= MAX_NAME_BYTES && name.len() > MAX_NAME_BYTES - 4, "{}", name.len());
            assert!(name.ends_with(extension));
        }
    }

    proptest! {
        #[test]
        fn nothing_panics_and_every_name_is_bounded(
            disposition in prop::collection::vec(any::<u8>(), 0..200), name in any::<String>(), times in 1usize..40
        ) {
            let long = format!("form-data; filename=\"{}\"", name.repeat(times));
            for disposition in [disposition, long.into_bytes()] {
                for writer in [Writer::TypeFirst, Writer::Other] {
                    prop_assert!(file_name(&disposition, writer).unwrap_or_default().len() <= MAX_NAME_BYTES);
                }
            }
        }
    }
}
