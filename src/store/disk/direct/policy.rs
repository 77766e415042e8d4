//! Which bytes go past the page cache.
//!
//! Members fetch new media at once. A player asks for a film's beginning, and many films have their index at
//! their end: these stay in memory, and so does all of what is small. What lies between would push out of the
//! cache what others read, and costs more to put there than the disk takes to write it.

use std::ops::Range;

use crate::store::Coming;

const MIB: u64 = 1024 * 1024;
/// The bytes of an upload that stay in memory at its beginning, and at its end.
pub(in crate::store::disk) const WARM_BEGINNING: u64 = 8 * MIB;
pub(in crate::store::disk) const WARM_END: u64 = 2 * MIB;
/// The fewest bytes of a request that are worth a descriptor of their own.
const FEWEST: u64 = MIB;

/// The range of these bytes that goes past the page cache; it may be empty.
pub(in crate::store::disk) fn cold(coming: Coming) -> Range<u64> {
    let start = coming.from.max(WARM_BEGINNING);
    let end = coming.length.map_or(u64::MAX, |length| length.saturating_sub(WARM_END));
    let end = coming.until.unwrap_or(u64::MAX).min(end);
    if end.saturating_sub(start) < FEWEST { 0..0 } else { start..end }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_small_and_the_ends_of_what_is_large_stay_warm() {
        let least = WARM_BEGINNING + FEWEST + WARM_END;
        for (from, until, length, range) in [
            (0, None, None, WARM_BEGINNING..u64::MAX),
            (0, None, Some(100 * MIB), WARM_BEGINNING..98 * MIB),
            (0, Some(50 * MIB), Some(100 * MIB), WARM_BEGINNING..50 * MIB),
            (20 * MIB + 1, Some(50 * MIB), None, 20 * MIB + 1..50 * MIB),
            (0, Some(99 * MIB), Some(100 * MIB), WARM_BEGINNING..98 * MIB),
            (0, None, Some(least), WARM_BEGINNING..WARM_BEGINNING + FEWEST),
            (0, None, Some(least - 1), 0..0),
            (0, Some(WARM_BEGINNING), Some(100 * MIB), 0..0),
            (50 * MIB, Some(50 * MIB + FEWEST - 1), Some(100 * MIB), 0..0),
            (98 * MIB, None, Some(100 * MIB), 0..0),
            (0, None, Some(0), 0..0),
        ] {
            let coming = Coming { from, until, length };
            assert_eq!(cold(coming), range, "{coming:?}");
        }
    }
}
