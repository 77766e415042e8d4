//! The expiry of links.

use crate::time::Timestamp;

/// The second at which a link made now expires: a multiple of the period, one to two periods ahead.
pub(super) fn expiry(period_secs: u64, now: Timestamp) -> u64 {
    let period = period_secs.max(1);
    (now.secs() / period + 2).saturating_mul(period)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_link_ends_on_the_grid() {
        for (now, expected) in [
            (0, 200),
            (1, 200),
            (99_999, 200),
            (100_000, 300),
            (100_001, 300),
            (199_999, 300),
            (200_000, 400),
        ] {
            assert_eq!(expiry(100, Timestamp::from_millis(now)), expected, "{now}");
        }
    }

    proptest! {
        #[test]
        fn a_link_is_good_for_one_to_two_periods(
            period in 1_u64..=604_800,
            millis in 0_u64..10_000_000_000_000,
        ) {
            let now = Timestamp::from_millis(millis);
            let exp = expiry(period, now);
            prop_assert_eq!(exp % period, 0);
            let left = exp * 1000 - millis;
            prop_assert!(period * 1000 < left && left <= 2 * period * 1000);
            // Unchanged until the grid's next line.
            let last = Timestamp::from_millis((exp - period) * 1000 - 1);
            prop_assert_eq!(expiry(period, last), exp);
            prop_assert_eq!(expiry(period, Timestamp::from_millis((exp - period) * 1000)), exp + period);
        }
    }
}
