//! Sizes and times on the command line.

use std::fmt;
use std::time::Duration;

/// The units of sizes; a number without a unit is bytes.
const SIZES: [(&str, u64); 7] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("B", 1),
];

/// The units of times, in milliseconds; a time must have one.
const TIMES: [(&str, u64); 4] = [("ms", 1), ("s", 1000), ("min", 60_000), ("h", 3_600_000)];

/// A word of the command line that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable(pub(crate) String);

impl fmt::Display for Unreadable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for Unreadable {}

/// Reads a number of bytes: `4096`, `64KiB`, `8MiB`, `5MB`.
///
/// # Errors
/// When the text is not of this form.
pub fn bytes(text: &str) -> Result<u64, Unreadable> {
    let (number, unit) = split(text);
    let factor = if unit.is_empty() { Some(1) } else { factor(&SIZES, unit) };
    let amount =
        factor.zip(number.parse::<u64>().ok()).and_then(|(factor, number)| number.checked_mul(factor));
    amount.ok_or_else(|| Unreadable(format!("{text:?} is no size: write 4096, 64KiB or 8MiB")))
}

/// Reads a time: `250ms`, `3s`, `2min`.
///
/// # Errors
/// When the text is not of this form.
pub fn time(text: &str) -> Result<Duration, Unreadable> {
    let (number, unit) = split(text);
    let amount = factor(&TIMES, unit)
        .zip(number.parse::<u64>().ok())
        .and_then(|(factor, number)| number.checked_mul(factor));
    amount
        .map(Duration::from_millis)
        .ok_or_else(|| Unreadable(format!("{text:?} is no time: write 250ms, 3s or 2min")))
}

fn split(text: &str) -> (&str, &str) {
    text.split_at(text.find(|sign: char| !sign.is_ascii_digit()).unwrap_or(text.len()))
}

fn factor(units: &[(&str, u64)], unit: &str) -> Option<u64> {
    units.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit)).map(|(_, factor)| *factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        for (text, expected) in
            [("0", 0), ("4096", 4096), ("64KiB", 65536), ("8mib", 8 << 20), ("5MB", 5_000_000)]
        {
            assert_eq!(bytes(text), Ok(expected), "{text}");
        }
        for text in ["", "MiB", "-1", "+1", "1.5MiB", "1 MiB", "1s", "99999999999GiB"] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn times_have_units_too() {
        for (text, millis) in [("250ms", 250), ("3s", 3000), ("2min", 120_000)] {
            assert_eq!(time(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "3", "s", "3MiB", "-3s"] {
            assert!(time(text).is_err(), "{text}");
        }
    }
}
