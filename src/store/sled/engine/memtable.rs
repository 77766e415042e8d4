//! A memtable: rows in memory that sled does not have yet. A group's changes are one, the active memtable is
//! the one that groups are merged into, and the frozen one is on its way to sled.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::{Bound, Range};

use sled::IVec;

use super::key::Key;
use super::rows::Fresh;

/// Rows to write, and `None`, a tombstone, for rows to delete.
///
/// A row that no layer below has, and that is deleted before this memtable goes on to the layer below, leaves
/// nothing: it need not be deleted there, and a reader of a queue does not pass over all rows that were taken
/// out of it. If another row were taken for such a one, its deletion would bring back the row below. So only
/// a [`Fresh`] key makes one.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Memtable {
    rows: BTreeMap<Key, Change>,
    bytes: usize,
}

/// The change of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    /// The new row; `None` deletes the key.
    row: Option<IVec>,
    /// Whether no layer below has the key.
    is_new: bool,
}

impl Change {
    /// Writes a row.
    pub(crate) fn put(row: impl Into<IVec>) -> Self {
        Self { row: Some(row.into()), is_new: false }
    }

    /// Deletes the row.
    pub(crate) fn delete() -> Self {
        Self { row: None, is_new: false }
    }
}

impl From<Option<IVec>> for Change {
    fn from(row: Option<IVec>) -> Self {
        row.map_or_else(Self::delete, Self::put)
    }
}

impl Memtable {
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The bytes that were ever put in, roughly: a replaced row still counts.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The row of a key, or its deletion, if there is a change of it.
    pub(crate) fn get(&self, key: &[u8]) -> Option<&Option<IVec>> {
        self.rows.get(key).map(|change| &change.row)
    }

    /// Puts a change in, and answers the one that it replaces.
    pub(crate) fn insert(&mut self, key: Key, mut change: Change) -> Option<Change> {
        self.bytes += key.len() + change.row.as_ref().map_or(0, |row| row.len());
        match self.rows.entry(key) {
            Entry::Vacant(place) => {
                place.insert(change);
                None
            }
            Entry::Occupied(place) if place.get().is_new && change.row.is_none() => Some(place.remove()),
            Entry::Occupied(mut place) => {
                // The change before knows whether a layer below has the key.
                change.is_new = place.get().is_new;
                Some(place.insert(change))
            }
        }
    }

    /// Writes a row whose key no layer below has.
    pub(crate) fn add(&mut self, key: Fresh, row: impl Into<IVec>) -> Option<Change> {
        self.insert(key.into_key(), Change { row: Some(row.into()), is_new: true })
    }

    /// Takes a change back: the change before is in its place again, or none.
    pub(crate) fn restore(&mut self, key: Key, before: Option<Change>) {
        match before {
            Some(before) => self.rows.insert(key, before),
            None => self.rows.remove(&key),
        };
    }

    /// Adds later changes.
    pub(crate) fn merge(&mut self, later: Self) {
        let bytes = self.bytes + later.bytes;
        for (key, change) in later.rows {
            self.insert(key, change);
        }
        self.bytes = bytes;
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Key, &Option<IVec>)> {
        self.rows.iter().map(|(key, change)| (key, &change.row))
    }

    /// The changes of a range of keys.
    pub(crate) fn range<'a>(
        &'a self,
        keys: Range<&[u8]>,
    ) -> impl DoubleEndedIterator<Item = (&'a Key, &'a Option<IVec>)> + use<'a> {
        let keys = (Bound::Included(keys.start), Bound::Excluded(keys.end));
        self.rows.range::<[u8], _>(keys).map(|(key, change)| (key, &change.row))
    }
}
