//! Sizes and times with their units, as people write them.

use std::time::Duration;

use crate::upload::decimal;

/// Why a text is no amount, worded to follow the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoAmount {
    /// The text is neither a number nor a number with a unit of size.
    #[error("is not a size: a whole number of bytes, or of KiB, MiB, GiB, TiB, kB, MB, GB or TB")]
    Size,
    /// The text is neither a number nor a number with a unit of time.
    #[error("is not a time: a whole number of seconds, or with one of ms, s, m, h, d, w behind it")]
    Time,
    /// The unit is a letter that some programs take for a power of 1000 and others for one of 1024.
    #[error("may mean two sizes: write `iB` behind the letter for powers of 1024, or `B` for powers of 1000")]
    Ambiguous,
    /// The amount is more than the server counts to.
    #[error("is too large")]
    TooLarge,
}

/// A size in bytes: `8GiB`, `512 MiB`, `1gb`, or plain bytes. Below 2^63, as file systems count.
pub(super) fn bytes(text: &str) -> Result<u64, NoAmount> {
    let (number, unit) = split(text);
    let unit = match unit.as_str() {
        "" | "b" => 1,
        "kb" => 1000,
        "mb" => 1000_u64.pow(2),
        "gb" => 1000_u64.pow(3),
        "tb" => 1000_u64.pow(4),
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        "tib" => 1 << 40,
        "k" | "m" | "g" | "t" if is_number(number) => return Err(NoAmount::Ambiguous),
        _ => return Err(NoAmount::Size),
    };
    times(number, unit, NoAmount::Size)
}

/// A time: `7d`, `24h`, `30 s`, `500ms`, or plain seconds.
pub fn time(text: &str) -> Result<Duration, NoAmount> {
    let (number, unit) = split(text);
    let unit_millis = match unit.as_str() {
        "ms" => 1,
        "" | "s" => 1000,
        "m" | "min" => 60 * 1000,
        "h" => 60 * 60 * 1000,
        "d" => 24 * 60 * 60 * 1000,
        "w" => 7 * 24 * 60 * 60 * 1000,
        _ => return Err(NoAmount::Time),
    };
    if unit_millis == 1000 {
        // Plain seconds go as far as the number does.
        return times(number, 1, NoAmount::Time).map(Duration::from_secs);
    }
    times(number, unit_millis, NoAmount::Time).map(Duration::from_millis)
}

/// The digits at the start, and the unit after them in lower case.
fn split(text: &str) -> (&str, String) {
    let text = text.trim();
    let end = text.bytes().take_while(u8::is_ascii_digit).count();
    (&text[..end], text[end..].trim_start().to_ascii_lowercase())
}

fn is_number(digits: &str) -> bool {
    !digits.is_empty()
}

fn times(digits: &str, unit: u64, no_number: NoAmount) -> Result<u64, NoAmount> {
    if !is_number(digits) {
        return Err(no_number);
    }
    let number = decimal(digits).map_err(|_| NoAmount::TooLarge)?;
    number.checked_mul(unit).filter(|product| *product <= i64::MAX.unsigned_abs()).ok_or(NoAmount::TooLarge)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_bytes_or_have_a_unit() {
        use NoAmount::{Ambiguous, Size, TooLarge};
        for (text, size) in [
            ("0", Ok(0)),
            ("1234", Ok(1234)),
            ("8589934592", Ok(8 << 30)),
            ("8GiB", Ok(8 << 30)),
            ("8gib", Ok(8 << 30)),
            ("8 GIB", Ok(8 << 30)),
            (" 512MiB ", Ok(512 << 20)),
            ("1GB", Ok(1_000_000_000)),
            ("1gb", Ok(1_000_000_000)),
            ("2TB", Ok(2_000_000_000_000)),
            ("16TiB", Ok(16 << 40)),
            ("64KiB", Ok(64 << 10)),
            ("64kB", Ok(64_000)),
            ("7B", Ok(7)),
            ("007KiB", Ok(7 << 10)),
            ("9223372036854775807", Ok(i64::MAX.unsigned_abs())),
            ("9223372036854775808", Err(TooLarge)),
            ("8388607TiB", Ok(8_388_607 << 40)),
            ("8388608TiB", Err(TooLarge)),
            ("99999999999999999999999GiB", Err(TooLarge)),
            ("8G", Err(Ambiguous)),
            ("8 k", Err(Ambiguous)),
            ("", Err(Size)),
            (" ", Err(Size)),
            ("GiB", Err(Size)),
            ("G", Err(Size)),
            ("+1", Err(Size)),
            ("-1", Err(Size)),
            ("1.5GiB", Err(Size)),
            ("1,5GiB", Err(Size)),
            ("1_000", Err(Size)),
            ("1e9", Err(Size)),
            ("0x10", Err(Size)),
            ("1GiB 1MiB", Err(Size)),
            ("1 0", Err(Size)),
            ("8Gi", Err(Size)),
            ("8GiBs", Err(Size)),
            ("٨GiB", Err(Size)),
            ("much", Err(Size)),
            ("7d", Err(Size)),
        ] {
            assert_eq!(bytes(text), size, "{text:?}");
        }
    }

    #[test]
    fn times_are_seconds_or_have_a_unit() {
        use NoAmount::{Time, TooLarge};
        let millis = |millis| Ok(Duration::from_millis(millis));
        for (text, duration) in [
            ("0", millis(0)),
            ("30", millis(30_000)),
            ("30s", millis(30_000)),
            ("30 S", millis(30_000)),
            ("500ms", millis(500)),
            ("500MS", millis(500)),
            ("15m", millis(900_000)),
            ("15min", millis(900_000)),
            ("24h", millis(86_400_000)),
            (" 7d ", millis(604_800_000)),
            ("7D", millis(604_800_000)),
            ("2w", millis(1_209_600_000)),
            ("9223372036854775807", Ok(Duration::from_secs(i64::MAX.unsigned_abs()))),
            ("9223372036854775808", Err(TooLarge)),
            ("9223372036854775807d", Err(TooLarge)),
            ("9223372036854775808ms", Err(TooLarge)),
            ("", Err(Time)),
            ("s", Err(Time)),
            ("+1", Err(Time)),
            ("-1s", Err(Time)),
            ("1.5h", Err(Time)),
            ("1h30m", Err(Time)),
            ("7 days", Err(Time)),
            ("3us", Err(Time)),
            ("never", Err(Time)),
            ("8GiB", Err(Time)),
        ] {
            assert_eq!(time(text), duration, "{text:?}");
        }
    }
}
