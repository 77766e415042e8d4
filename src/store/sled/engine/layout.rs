//! Everything that the engine knows of the tables whose rows it keeps.

/// The keys that are special in some way. Any other row is bytes under a key.
#[derive(Debug)]
pub(crate) struct Layout {
    /// The key of the row that every folder of ours has.
    pub(crate) format: &'static [u8],
    /// The key of the row with the number of the journal's last record that was flushed to sled. It comes
    /// after every other key, so that a log of sled which ends early has an older one.
    pub(crate) flushed: &'static [u8],
    /// Whether rows of this key are volatile: the journal has them, and sled never gets them. What they stand
    /// for is settled outside of the store ([`Outside`](super::outside::Outside)) before the journal forgets
    /// them.
    pub(crate) is_volatile: fn(&[u8]) -> bool,
    /// How many bytes at the end of the key differ within its set, if the key's table is made of sets: rows
    /// in sets are empty, and sled has them in [`runs`](super::runs).
    pub(crate) suffix_of_set: fn(&[u8]) -> Option<usize>,
}
