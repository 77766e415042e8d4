//! A group of changes as bytes, and back. Pure.
//!
//! ```text
//! magic 4 │ CRC-32 of what follows 4 │ sequence 8 │ flushed 8 │ length 4 │ changes
//! change: key length 2 │ row length 4, or all ones for a deletion │ key │ row
//! ```
//! Numbers are big-endian. The checksum continues from the seed of the file. `flushed` is the number of the
//! last record that was flushed to sled when this one was written.

use sled::IVec;

use super::super::key::Key;
use super::super::memtable::Memtable;

const MAGIC: [u8; 4] = *b"lhj1";
/// The length of a header: magic, checksum, two sequence numbers, length.
pub(super) const HEADER: usize = 28;
/// The offset after which all bytes are covered by the checksum.
const CHECKED: usize = 8;
/// The length of a change's header: the lengths of a key and a row.
const CHANGE: usize = 6;
const DELETED: u32 = u32::MAX;

/// A record that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) sequence: u64,
    pub(super) flushed: u64,
    pub(super) changes: Memtable,
    /// How many bytes the record takes.
    pub(super) length: usize,
}

/// Adds a record to the buffer.
pub(super) fn encode(buffer: &mut Vec<u8>, seed: u32, sequence: u64, flushed: u64, changes: &Memtable) {
    let start = buffer.len();
    buffer.extend_from_slice(&MAGIC);
    buffer.extend_from_slice(&[0; 4]);
    buffer.extend_from_slice(&sequence.to_be_bytes());
    buffer.extend_from_slice(&flushed.to_be_bytes());
    buffer.extend_from_slice(&[0; 4]);
    for (key, row) in changes.iter() {
        let key_length = u16::try_from(key.len()).expect("keys are short");
        let length = row.as_ref().map_or(DELETED, |row| u32::try_from(row.len()).expect("rows are small"));
        buffer.extend_from_slice(&key_length.to_be_bytes());
        buffer.extend_from_slice(&length.to_be_bytes());
        buffer.extend_from_slice(key);
        buffer.extend_from_slice(row.as_deref().unwrap_or_default());
    }
    let record = &mut buffer[start..];
    let length = u32::try_from(record.len() - HEADER).expect("groups are bounded");
    record[HEADER - 4..HEADER].copy_from_slice(&length.to_be_bytes());
    let checksum = checksum(seed, record);
    record[4..CHECKED].copy_from_slice(&checksum.to_be_bytes());
}

/// The checksum of a whole record.
pub(super) fn checksum(seed: u32, record: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(seed);
    hasher.update(&record[CHECKED..]);
    hasher.finalize()
}

/// The number of bytes in the record of these changes.
pub(super) fn length_of(changes: &Memtable) -> usize {
    let rows = changes.iter().map(|(key, row)| CHANGE + key.len() + row.as_ref().map_or(0, |row| row.len()));
    HEADER + rows.sum::<usize>()
}

/// The record at the beginning of the bytes; `None` if there is none, or not all of it.
pub(super) fn decode(bytes: &[u8], seed: u32) -> Option<Record> {
    let header: &[u8; HEADER] = bytes.first_chunk()?;
    let number = |at: usize| u64::from_be_bytes(*header[at..].first_chunk().expect("in the header"));
    let short = |at: usize| u32::from_be_bytes(*header[at..].first_chunk().expect("in the header"));
    let length = HEADER.checked_add(usize::try_from(short(HEADER - 4)).ok()?)?;
    let record = bytes.get(..length)?;
    if header[..4] != MAGIC || checksum(seed, record) != short(4) {
        return None;
    }
    Some(Record { sequence: number(8), flushed: number(16), changes: changes(&record[HEADER..])?, length })
}

fn changes(mut body: &[u8]) -> Option<Memtable> {
    let mut changes = Memtable::default();
    while !body.is_empty() {
        let key_length = usize::from(u16::from_be_bytes(*body.split_off(..2)?.first_chunk()?));
        let length = u32::from_be_bytes(*body.split_off(..4)?.first_chunk()?);
        let key = Key::from_slice(body.split_off(..key_length)?);
        let row = match length {
            DELETED => None,
            length => Some(IVec::from(body.split_off(..usize::try_from(length).ok()?)?)),
        };
        changes.insert(key, row.into());
    }
    Some(changes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn some() -> impl Strategy<Value = Memtable> {
        let row = prop::option::of(prop::collection::vec(any::<u8>(), 0..9));
        let rows = prop::collection::btree_map(prop::collection::vec(any::<u8>(), 0..9), row, 0..9);
        rows.prop_map(|rows| {
            let mut changes = Memtable::default();
            for (key, row) in rows {
                changes.insert(key.into(), row.map(IVec::from).into());
            }
            changes
        })
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(
            changes in some(), seed: u32, sequence: u64, flushed: u64, after in prop::collection::vec(any::<u8>(), 0..40)
        ) {
            let mut buffer = vec![1; 7];
            encode(&mut buffer, seed, sequence, flushed, &changes);
            let length = buffer.len() - 7;
            prop_assert_eq!(length, length_of(&changes));
            buffer.extend(after);
            prop_assert_eq!(decode(&buffer[7..], seed), Some(Record { sequence, flushed, changes, length }));
        }

        #[test]
        fn what_has_another_seed_is_no_record(changes in some(), seed: u32, other: u32) {
            prop_assume!(seed != other);
            let mut buffer = Vec::new();
            encode(&mut buffer, seed, 7, 3, &changes);
            prop_assert_eq!(decode(&buffer, other), None);
        }

        #[test]
        fn what_is_torn_or_damaged_is_no_record(changes in some(), at: prop::sample::Index, bit in 0..8u8) {
            let mut buffer = Vec::new();
            encode(&mut buffer, 1, 7, 3, &changes);
            prop_assert_eq!(decode(&buffer[..at.index(buffer.len())], 1), None);
            let at = at.index(buffer.len());
            buffer[at] ^= 1 << bit;
            prop_assert_eq!(decode(&buffer, 1), None);
        }

        #[test]
        fn no_bytes_are_too_strange(bytes in prop::collection::vec(any::<u8>(), 0..99)) {
            prop_assert_eq!(decode(&bytes, 0), None);
        }
    }
}
