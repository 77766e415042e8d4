//! Numbers in headers.

/// The text is not a decimal number below 2^63.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a decimal number below 2^63")]
pub struct InvalidNumber;

/// Parses a non-negative decimal number of ASCII digits only: no sign, no space, no overflow. It is below
/// 2^63, because file systems count in signed numbers.
///
/// # Errors
/// [`InvalidNumber`] for anything else, such as `"+1"`, which Rust's own parser accepts.
pub fn decimal(text: &str) -> Result<u64, InvalidNumber> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(InvalidNumber);
    }
    let number: u64 = text.parse().map_err(|_| InvalidNumber)?;
    if number > i64::MAX.unsigned_abs() { Err(InvalidNumber) } else { Ok(number) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_digits_are_a_number() {
        for (text, number) in [
            ("0", Some(0)),
            ("007", Some(7)),
            ("9223372036854775807", Some(i64::MAX.unsigned_abs())),
            ("9223372036854775808", None),
            ("99999999999999999999999", None),
            ("", None),
            ("+1", None),
            ("-1", None),
            (" 1", None),
            ("1 ", None),
            ("1, 1", None),
            ("0x10", None),
            ("1e3", None),
            ("1.0", None),
            ("١", None),
        ] {
            assert_eq!(decimal(text).ok(), number, "{text:?}");
        }
    }
}
