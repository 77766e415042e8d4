//! JSON from programs that cut text between the two halves of a character. PURE.
//!
//! JavaScript's strings are sequences of UTF-16 units: `text.slice(0, 1)` of an emoji is half of it, which
//! `JSON.stringify` writes as `"\ud83d"`. RFC 8259 §8.2 allows that, but no Rust string can hold it. On every
//! other way in, the client's own encoder has already replaced it by U+FFFD.

use bytes::Bytes;
use memchr::memchr;

/// Replacement for the escape of half a character, with the same length.
const REPLACEMENT: &[u8; 6] = b"\\ufffd";

/// The text with U+FFFD for each escape of a lone surrogate, in values and keys. It is copied only if there
/// is one.
pub fn whole_characters(text: Bytes) -> Bytes {
    let halves = halves(&text);
    if halves.is_empty() {
        return text;
    }
    let mut mended = text.to_vec();
    for at in halves {
        mended[at..at + REPLACEMENT.len()].copy_from_slice(REPLACEMENT);
    }
    mended.into()
}

/// The positions of escapes of lone surrogates. A backslash outside a string makes the text invalid anyway.
fn halves(text: &[u8]) -> Vec<usize> {
    let (mut found, mut from) = (Vec::new(), 0);
    while let Some(at) = text.get(from..).and_then(|rest| memchr(b'\\', rest)).map(|at| from + at) {
        from = match unit(text, at) {
            // An escape of two characters, or no escape.
            None => at + 2,
            Some(0xD800..=0xDBFF) if matches!(unit(text, at + 6), Some(0xDC00..=0xDFFF)) => at + 12,
            Some(0xD800..=0xDFFF) => {
                found.push(at);
                at + 6
            }
            Some(_) => at + 6,
        };
    }
    found
}

/// The UTF-16 unit of the escape `\uXXXX` that begins here.
fn unit(text: &[u8], at: usize) -> Option<u16> {
    let digits = text.get(at..at + 6)?.strip_prefix(b"\\u")?;
    digits.iter().try_fold(0, |unit, digit| {
        let digit = char::from(*digit).to_digit(16)?;
        Some(unit << 4 | u16::try_from(digit).ok()?)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn mended(text: &str) -> String {
        let bytes = whole_characters(Bytes::copy_from_slice(text.as_bytes()));
        String::from_utf8(bytes.to_vec()).expect("UTF-8")
    }

    #[test]
    fn half_a_character_becomes_u_fffd() {
        for (text, value) in [
            (r#""\ud83d""#, "\u{fffd}"),
            (r#""\uDE00""#, "\u{fffd}"),
            (r#""a\ud83db""#, "a\u{fffd}b"),
            (r#""\ud83d\ude00""#, "😀"),
            (r#""\uD83D\uDE00\ud83d""#, "😀\u{fffd}"),
            (r#""\ud83d\ud83d\ude00""#, "\u{fffd}😀"),
            (r#""\ude00\ud83d""#, "\u{fffd}\u{fffd}"),
            (r#""\ud83d\n\ude00""#, "\u{fffd}\n\u{fffd}"),
            (r#""\ud83d\u0041""#, "\u{fffd}A"),
            (r#""\ud83d\\ude00""#, "\u{fffd}\\ude00"),
            (r#""\\ud83d""#, "\\ud83d"),
            (r#""\\\ud83d""#, "\\\u{fffd}"),
            (r#""\"\ud83d\"""#, "\"\u{fffd}\""),
            (r#""é\u00e9😀""#, "éé😀"),
        ] {
            assert_eq!(serde_json::from_str::<Value>(&mended(text)).expect(text), value, "{text}");
        }
    }

    #[test]
    fn keys_are_mended_like_values() {
        let text = r#"{"a\ud83d":["\udc00",{"\ude00":1}]}"#;
        let expected = serde_json::json!({"a\u{fffd}": ["\u{fffd}", {"\u{fffd}": 1}]});
        assert_eq!(serde_json::from_str::<Value>(&mended(text)).expect("JSON"), expected);
    }

    #[test]
    fn what_needs_no_mending_is_not_copied() {
        let text = Bytes::from_static(br#"{"a":"\ud83d\ude00 \u0041"}"#);
        assert_eq!(whole_characters(text.clone()).as_ptr(), text.as_ptr());
    }

    #[test]
    fn what_is_no_json_stays_so() {
        for text in ["", "\\", "\"\\", "\"\\u", "\"\\ud83", "\"\\ud83d", "\"\\uzzzz\"", "\\ud83d"] {
            assert!(serde_json::from_str::<Value>(&mended(text)).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_sequence_of_units_is_read_as_the_standard_library_reads_it(
            units in prop::collection::vec(prop_oneof![any::<u16>(), 0xD7FEu16..0xE002, Just(0x5Cu16)], 0..20)
        ) {
            let escapes: String = units.iter().map(|unit| format!("\\u{unit:04x}")).collect();
            let read: String = serde_json::from_str(&mended(&format!("\"{escapes}\""))).expect("JSON");
            prop_assert_eq!(read, String::from_utf16_lossy(&units));
        }
    }
}
