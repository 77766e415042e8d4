//! Keys of any table.

use smallvec::SmallVec;

/// A key. Most keys have at most this many bytes, so that they need no allocation of their own.
pub(crate) type Key = SmallVec<[u8; 40]>;

/// The first key after all keys with this prefix.
///
/// # Panics
/// If there is none: the last number is no table's.
pub(crate) fn end_of(prefix: &[u8]) -> Key {
    let mut end = Key::from_slice(prefix);
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            return end;
        }
    }
    unreachable!("the first byte is that of a table, and none has the last number")
}

/// The first key after this one.
pub(crate) fn after(key: &[u8]) -> Key {
    let mut after = Key::from_slice(key);
    after.push(0);
    after
}

/// The number at the end of a key, or of a row.
pub(crate) fn number_at_end(bytes: &[u8]) -> Option<u64> {
    bytes.last_chunk().copied().map(u64::from_be_bytes)
}
