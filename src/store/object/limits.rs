//! The bounds of what is given to an object store.

use std::time::Duration;

const MIB: u64 = 1024 * 1024;

/// The sizes, times and counts that an object store, and the memory of this process, allow.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The size of a part, unless the upload is so long that it would have too many of them. The slowest link
    /// to the store that works is this much in half of `part_timeout`.
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
    /// How long the last row of a request waits for parts that are being put. After that, their bytes are
    /// kept in the tail as well.
    pub patience: Duration,
    /// How long a row waits for them while another request waits for the upload. A part mostly lands sooner
    /// than the database takes its bytes.
    pub haste: Duration,
    /// The most bytes of an upload in its tail, but for a part: there its bytes go on while the object store
    /// is away.
    pub tail: u64,
    /// The most bytes that the tails of all uploads may take of the database.
    pub tails: u64,
    /// How long a store may take to make an object of parts that it does not have any more.
    pub making: Duration,
    /// How long bytes are missed before they count as lost, and their upload ends: longer than any request
    /// that may still bring them is waited for.
    pub lost: Duration,
    /// How old an object of parts may become. Stores drop one after a week, and its parts with it.
    pub age: Duration,
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
            patience: Duration::from_secs(2),
            haste: Duration::from_millis(60),
            tail: 64 * MIB,
            tails: 16 * 1024 * MIB,
            making: Duration::from_secs(30),
            lost: Duration::from_secs(15 * 60),
            age: Duration::from_hours(6 * 24 + 12),
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
