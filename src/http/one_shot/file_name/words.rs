//! Encoded words (RFC 2047): `=?utf-8?B?bsOpLnR4dA==?=`. RFC 7578 does not allow them in a form, but mail
//! libraries, .NET and Spring write them there.

use data_encoding::{BASE64, HEXUPPER_PERMISSIVE};
use encoding_rs::Encoding;

/// Decodes a value that consists of nothing but encoded words with white space in between.
///
/// A character that is split over two words is put together: many writers cut their text between bytes.
pub(super) fn decode(value: &str) -> Option<String> {
    let (mut runs, mut rest) = (Vec::<(&'static Encoding, Vec<u8>)>::new(), value.trim_ascii());
    while !rest.is_empty() {
        let (encoding, bytes, after) = word(rest)?;
        rest = after.trim_ascii_start();
        match runs.last_mut() {
            Some((last, run)) if *last == encoding => run.extend(bytes),
            _ => runs.push((encoding, bytes)),
        }
    }
    let mut text = String::new();
    for (encoding, bytes) in &runs {
        text.push_str(&encoding.decode_without_bom_handling_and_without_replacement(bytes)?);
    }
    (!runs.is_empty()).then_some(text)
}

/// The charset and the bytes of the next word, and the text after it.
fn word(text: &str) -> Option<(&'static Encoding, Vec<u8>, &str)> {
    let (charset, rest) = text.strip_prefix("=?")?.split_once('?')?;
    let (coding, rest) = rest.split_once('?')?;
    let (text, rest) = rest.split_once("?=")?;
    // A language may follow the charset (RFC 2231 §5).
    let charset = charset.split('*').next().unwrap_or(charset);
    let bytes = match coding {
        "B" | "b" => BASE64.decode(padded(text).as_bytes()).ok()?,
        "Q" | "q" => quoted(text)?,
        _ => return None,
    };
    Some((Encoding::for_label(charset.as_bytes())?, bytes, rest))
}

/// A base64 text with the padding that some writers leave out.
fn padded(base64: &str) -> String {
    let bare = base64.trim_end_matches('=');
    let padding = (4 - bare.len() % 4) % 4;
    format!("{bare}{}", "=".repeat(padding))
}

/// Decodes the "Q" encoding (RFC 2047 §4.2).
fn quoted(text: &str) -> Option<Vec<u8>> {
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        bytes.push(match first {
            b'_' => b' ',
            b'=' => {
                let (digits, after) = rest.split_at_checked(2)?;
                rest = after;
                HEXUPPER_PERMISSIVE.decode(digits).ok()?.first().copied()?
            }
            other => other,
        });
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_decoded_and_all_else_is_left() {
        for (value, text) in [
            ("=?utf-8?B?bsOpLnR4dA==?=", Some("né.txt")),
            ("=?UTF-8?b?bsOpLnR4dA?=", Some("né.txt")),
            ("=?UTF-8?Q?n=C3=A9_a.txt?=", Some("né a.txt")),
            ("=?utf-8?q?n=c3=a9.txt?=", Some("né.txt")),
            ("=?ISO-8859-1?Q?n=E9.txt?=", Some("né.txt")),
            ("=?us-ascii?Q?a.txt?=", Some("a.txt")),
            ("=?koi8-r?B?9MXT1C50eHQ=?=", Some("Тест.txt")),
            ("=?shift_jis?B?k4yLni5wbmc=?=", Some("東京.png")),
            ("=?UTF-8*de?Q?n=C3=A9.txt?=", Some("né.txt")),
            ("=?utf-8?Q?n?= =?utf-8?Q?=C3=A9?= =?utf-8?Q?.txt?=", Some("né.txt")),
            ("=?utf-8?Q?n?=\t\r\n =?utf-8?B?w6k=?=", Some("né")),
            ("=?utf-8?Q?n=C3?= =?utf-8?Q?=A9.txt?=", Some("né.txt")),
            ("=?utf-8?Q?n=C3=A9?==?utf-8?Q?.txt?=", Some("né.txt")),
            ("=?utf-8?Q?a?= =?iso-8859-1?Q?=E9?=", Some("aé")),
            ("=?utf-8?Q??=", Some("")),
            ("a =?utf-8?Q?b?=", None),
            ("=?utf-8?Q?a?= b", None),
            ("=?utf-8?X?a?=", None),
            ("=?nonsense?Q?a?=", None),
            ("=?utf-8?Q?=C3?=", None),
            ("=?utf-8?Q?=?=", None),
            ("=?utf-8?Q?=+1?=", None),
            ("=?utf-8?B?%?=", None),
            ("=?utf-8?Q?a", None),
            ("=?=", None),
            ("plain.txt", None),
            ("", None),
        ] {
            assert_eq!(decode(value).as_deref(), text, "{value}");
        }
    }
}
