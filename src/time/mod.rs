//! Points in time as the records and the wire know them, and the clock that tells them.

mod clock;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::macros::format_description;

pub use clock::{Reading, VARIABLE};

/// A point in time: milliseconds since the Unix epoch, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Timestamp(u64);

/// The last millisecond of the year 9999, the end of RFC 3339.
const LAST_MILLIS: u64 = 253_402_300_799_999;

impl Timestamp {
    /// The end of time.
    pub const MAX: Self = Self(LAST_MILLIS);

    /// The time of the clock that this process goes by. The domain takes times as arguments and never calls
    /// this.
    pub fn now() -> Self {
        clock::now()
    }

    /// The time this many milliseconds after the epoch; later than the year 9999 counts as its end.
    pub fn from_millis(millis: u64) -> Self {
        Self(millis.min(LAST_MILLIS))
    }

    /// The time this many seconds after the epoch; later than the year 9999 counts as its end.
    pub fn from_secs(secs: u64) -> Self {
        Self::from_millis(secs.saturating_mul(1000))
    }

    /// The first time that is not before this NumericDate (RFC 7519 §2): seconds since the epoch, with a
    /// fraction.
    pub fn from_numeric_date(secs: f64) -> Self {
        match Duration::try_from_secs_f64(secs.max(0.0)) {
            Ok(since) => {
                Self::from_millis(u64::try_from(since.as_nanos().div_ceil(1_000_000)).unwrap_or(LAST_MILLIS))
            }
            Err(_) => Self(LAST_MILLIS),
        }
    }

    /// Milliseconds since the epoch.
    pub fn millis(self) -> u64 {
        self.0
    }

    /// Whole seconds since the epoch.
    pub fn secs(self) -> u64 {
        self.0 / 1000
    }

    /// The time this many seconds later.
    pub fn plus_secs(self, secs: u64) -> Self {
        Self::from_millis(self.0.saturating_add(secs.saturating_mul(1000)))
    }

    /// The time this many seconds earlier, or the epoch if that would be before it.
    pub fn minus_secs(self, secs: u64) -> Self {
        Self(self.0.saturating_sub(secs.saturating_mul(1000)))
    }

    /// How long before this time an earlier one was; zero for a later one.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// The time in RFC 3339, with exactly three digits of milliseconds and `Z`.
    pub fn rfc3339(self) -> String {
        let format =
            format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
        let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000_000)
            .expect("a timestamp is at most the end of the year 9999");
        at.format(&format).expect("every part of the format is known for a date and time")
    }

    /// The time as in the dates of HTTP headers (RFC 9110 §5.6.7), which `Upload-Expires` uses too.
    pub fn http_date(self) -> String {
        httpdate::fmt_http_date(self.system_time())
    }

    /// The time as the standard library knows it.
    pub fn system_time(self) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc3339_has_three_digits_of_milliseconds() {
        for (millis, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (1_706_270_400_123, "2024-01-26T12:00:00.123Z"),
            (1_706_270_400_120, "2024-01-26T12:00:00.120Z"),
            (u64::MAX, "9999-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(Timestamp::from_millis(millis).rfc3339(), text);
        }
    }

    #[test]
    fn a_numeric_date_is_rounded_up_and_stops_at_the_ends() {
        for (secs, millis) in [
            (0.0, 0),
            (100.0, 100_000),
            (100.5, 100_500),
            (100.0004, 100_001),
            (-1.0, 0),
            (f64::NAN, 0),
            (1e300, LAST_MILLIS),
            (f64::INFINITY, LAST_MILLIS),
        ] {
            assert_eq!(Timestamp::from_numeric_date(secs).millis(), millis, "{secs}");
        }
    }

    #[test]
    fn arithmetic_stops_at_the_ends() {
        assert_eq!(Timestamp::from_millis(5).minus_secs(1), Timestamp::from_millis(0));
        assert_eq!(Timestamp::from_millis(5).plus_secs(u64::MAX).millis(), LAST_MILLIS);
    }
}
