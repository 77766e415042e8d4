//! A file as base64, decoded piece by piece.

use bytes::Bytes;
use data_encoding::BASE64;

/// How many digits are decoded at once: a file is never decoded as a whole. A multiple of four.
const SLICE_DIGITS: usize = 1024 * 1024;

/// The text is not padded base64 (RFC 4648 §4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("file_data is not base64")]
pub(super) struct InvalidBase64;

/// Padded base64 with white space anywhere, as PEM-like and other line-breaking encoders write it. An
/// iterator over the decoded bytes in order; what follows an error means nothing.
///
/// Text without its padding is refused: it cannot be told from text that was cut off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Base64 {
    /// The text still to be decoded, without white space at its end.
    text: Bytes,
}

impl Base64 {
    /// A decoder of this text, which has not been checked yet.
    pub(super) fn new(text: &Bytes) -> Self {
        Self { text: text.slice_ref(text.trim_ascii()) }
    }

    /// The number of bytes that the text decodes to, if it is valid.
    pub(super) fn decoded_len(&self) -> u64 {
        let digits = || self.text.iter().filter(|b| !b.is_ascii_whitespace());
        let padding = digits().rev().take(2).filter(|b| **b == b'=').count();
        u64::try_from((digits().count() / 4 * 3).saturating_sub(padding)).unwrap_or(u64::MAX)
    }

    /// Takes the next digits off the text: [`SLICE_DIGITS`] of them, or all that are left.
    fn digits(&mut self) -> Vec<u8> {
        let mut digits = Vec::with_capacity(SLICE_DIGITS.min(self.text.len()));
        while digits.len() < SLICE_DIGITS && !self.text.is_empty() {
            let taken = self.text.split_to(self.text.len().min(SLICE_DIGITS - digits.len()));
            digits.extend(taken.iter().filter(|b| !b.is_ascii_whitespace()));
        }
        digits
    }
}

impl Iterator for Base64 {
    type Item = Result<Bytes, InvalidBase64>;

    fn next(&mut self) -> Option<Self::Item> {
        let digits = self.digits();
        if digits.is_empty() {
            return None;
        }
        // The decoder would accept padding between two pieces of base64 as well.
        let before_padding = if self.text.is_empty() { digits.len().saturating_sub(2) } else { digits.len() };
        if digits[..before_padding].contains(&b'=') {
            return Some(Err(InvalidBase64));
        }
        Some(BASE64.decode(&digits).map(Bytes::from).map_err(|_| InvalidBase64))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decode(text: &str) -> Result<Vec<u8>, InvalidBase64> {
        let pieces: Result<Vec<Bytes>, _> = Base64::new(&Bytes::copy_from_slice(text.as_bytes())).collect();
        Ok(pieces?.concat())
    }

    #[test]
    fn white_space_does_not_matter_and_everything_else_does() {
        for (text, bytes) in [
            ("", Some("")),
            (" \r\n", Some("")),
            ("YQ==", Some("a")),
            ("YWI=", Some("ab")),
            ("YWJj", Some("abc")),
            (" Y\tW\r\nJ\nj ", Some("abc")),
            ("YQ= =\n", Some("a")),
            ("YQ", None),
            ("YQ=", None),
            ("YWJ", None),
            ("Y", None),
            ("=", None),
            ("====", None),
            ("YQ==YQ==", None),
            ("YQ==YWJj", None),
            ("YR==", None),
            ("Y-_j", None),
            ("YW%j", None),
            ("YWé=", None),
            ("YW\u{a0}Jj", None),
        ] {
            assert_eq!(decode(text).ok().as_deref(), bytes.map(str::as_bytes), "{text:?}");
        }
    }

    #[test]
    fn slices_meet_without_a_seam() {
        let padding_in_the_middle = format!("{}YQ==YWJj", "A".repeat(SLICE_DIGITS - 4));
        for (digits, bytes) in [
            ("A".repeat(SLICE_DIGITS), Some(SLICE_DIGITS / 4 * 3)),
            (format!("{}YQ==", "A".repeat(SLICE_DIGITS)), Some(SLICE_DIGITS / 4 * 3 + 1)),
            (format!("\n{}Y\nQ==", "A".repeat(SLICE_DIGITS)), Some(SLICE_DIGITS / 4 * 3 + 1)),
            (format!("{}\n \n", "A".repeat(SLICE_DIGITS)), Some(SLICE_DIGITS / 4 * 3)),
            (format!("{}YQ", "A".repeat(SLICE_DIGITS)), None),
            (padding_in_the_middle, None),
        ] {
            assert_eq!(decode(&digits).ok().map(|b| b.len()), bytes);
        }
    }

    proptest! {
        #[test]
        fn what_was_encoded_comes_back(
            bytes in prop::collection::vec(any::<u8>(), 0..300),
            breaks in prop::collection::vec(0usize..400, 0..9),
        ) {
            let mut text = BASE64.encode(&bytes);
            for at in breaks {
                text.insert(at.min(text.len()), '\n');
            }
            let announced = Base64::new(&Bytes::from(text.clone())).decoded_len();
            prop_assert_eq!(usize::try_from(announced), Ok(bytes.len()));
            prop_assert_eq!(decode(&text), Ok(bytes));
        }
    }
}
