//! The bounds of what is given to an object store.

use std::time::Duration;

const MIB: u64 = 1024 * 1024;

/// The sizes, times and counts that an object store, and the memory of this process, allow.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The size of a part, unless the upload is so long that it would have too many of them. The slowest link to
    /// the store that works is this much in half of `part_timeout`.
    pub part_bytes: u64,
    /// The least size of a part that has others behind it.
    pub least_part_bytes: u64,
    /// The most parts of an object.
    pub most_parts: u64,
    /// How long the put of a part may take, with all its repetitions.
    pub part_timeout: Duration,
    /// How much longer a put may take to have an effect, after this process gave it up.
    pub margin: Duration,
    /// The most bytes of parts in memory.
    pub memory: usize,
    /// How many parts of an upload are put at once.
    pub in_flight: usize,
    /// How long bytes wait for a row: what a process that dies costs a slow sender.
    pub every: Duration,
    /// How long a row waits for parts that are being put. After that, their bytes are kept in the tail as well.
    pub patience: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            part_bytes: 8 * MIB,
            least_part_bytes: 5 * MIB,
            most_parts: 9_000,
            part_timeout: Duration::from_secs(60),
            margin: Duration::from_secs(5),
            memory: 256 * 1024 * 1024,
            in_flight: 2,
            every: Duration::from_secs(10),
            patience: Duration::from_millis(150),
        }
    }
}

impl Limits {
    /// The size of the parts of an upload of this length, which may be unknown.
    pub(super) fn part_size(&self, length: Option<u64>) -> u64 {
        let least = length.unwrap_or(0).div_ceil(self.most_parts);
        if least <= self.part_bytes { self.part_bytes } else { least.div_ceil(MIB) * MIB }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_as_large_as_the_number_of_parts_demands() {
        let limits = Limits { part_bytes: 5 * MIB, most_parts: 1_000, ..Limits::default() };
        for (length, expected) in [
            (None, 5 * MIB),
            (Some(0), 5 * MIB),
            (Some(5_000 * MIB), 5 * MIB),
            (Some(5_000 * MIB + 1), 6 * MIB),
            (Some(6_000 * MIB), 6 * MIB),
            (Some(6_000 * MIB + 1), 7 * MIB),
        ] {
            assert_eq!(limits.part_size(length), expected, "{length:?}");
        }
    }
}
