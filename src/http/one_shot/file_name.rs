//! The name that a client gives its file in a part's `Content-Disposition`. Pure.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// A name is cut to so many bytes: far more than a file system knows, and few enough to be stored.
const MAX_NAME_BYTES: usize = 1024;
/// An extension up to this length survives the cut.
const MAX_EXTENSION_BYTES: usize = 32;

/// The file's name in the header's value. RFC 7578 §4.2 has it in UTF-8 as it stands; browsers escape a quote and
/// the ends of lines, and nothing else, so that `100%25.mp4` is a name with a percent sign. An extended `filename*`
/// (RFC 8187), which RFC 7578 forbids and some libraries send, comes first.
pub(super) fn file_name(disposition: &[u8]) -> Option<String> {
    let disposition = String::from_utf8_lossy(disposition);
    let parameters = parameters(&disposition);
    let value =
        |name: &str| parameters.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_ref());
    let extended = value("filename*").and_then(decode_extended);
    Some(cut(extended.or_else(|| value("filename").map(unescape))?))
}

/// What follows the disposition's type: names, and values without their quotes.
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

/// A quoted string without its opening quote, and how far it goes. Only a quote is ever escaped by a backslash:
/// old browsers send whole Windows paths.
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

/// The escapes of the HTML standard for `multipart/form-data`.
fn unescape(value: &str) -> String {
    let mut plain = value.to_owned();
    for (escape, character) in [("%22", "\""), ("%0D", "\r"), ("%0A", "\n")] {
        plain = plain.replace(escape, character);
    }
    plain
}

/// `UTF-8''n%C3%A9`; another charset is left to the plain `filename`.
fn decode_extended(value: &str) -> Option<String> {
    let mut parts = value.splitn(3, '\'');
    let charset = parts.next()?;
    let encoded = parts.nth(1)?;
    let decoded = percent_decode_str(encoded).decode_utf8().ok()?;
    charset.eq_ignore_ascii_case("utf-8").then(|| decoded.into_owned())
}

/// The name within [`MAX_NAME_BYTES`], with its extension.
fn cut(name: String) -> String {
    if name.len() <= MAX_NAME_BYTES {
        return name;
    }
    let dot = name.rfind('.').filter(|dot| name.len() - dot <= MAX_EXTENSION_BYTES).unwrap_or(name.len());
    let (stem, extension) = name.split_at(dot);
    let mut end = MAX_NAME_BYTES - extension.len();
    while !stem.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{extension}", &stem[..end])
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
            (r#"name="file"; filename="a.png"; filename*=latin1''%E9.png"#, Some("a.png")),
            (r#"name="file"; filename="""#, Some("")),
            (r#"name="file"; filename="unclosed"#, Some("unclosed")),
            (r#"name="filename=x""#, None),
            (r#"name="file""#, None),
            ("", None),
        ] {
            let disposition = format!("form-data; {parameters}");
            assert_eq!(file_name(disposition.as_bytes()).as_deref(), name, "{parameters}");
        }
        let latin1 = file_name(b"form-data; filename=\"\xe9.png\"");
        assert_eq!(latin1.as_deref(), Some("\u{fffd}.png"));
    }

    #[test]
    fn a_long_name_keeps_its_extension() {
        for (stem, extension) in
            [("x".repeat(5000), ".mp4"), ("界".repeat(2000), ".mp4"), ("x".repeat(5000), "")]
        {
            let name =
                file_name(format!("form-data; filename=\"{stem}{extension}\"").as_bytes()).expect("a name");
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
                prop_assert!(file_name(&disposition).unwrap_or_default().len() <= MAX_NAME_BYTES);
            }
        }
    }
}
