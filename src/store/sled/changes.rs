//! What a group, or a stretch of the journal, changes.

use std::collections::BTreeMap;
use std::collections::btree_map::Range;
use std::ops::Bound;

use sled::IVec;

use super::keys::Key;

/// Rows to write, and `None` for rows to delete.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Changes {
    rows: BTreeMap<Key, Option<IVec>>,
    bytes: usize,
}

impl Changes {
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// What was ever put into them, roughly: what is replaced counts on.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The change of a key, if there is one.
    pub(super) fn get(&self, key: &[u8]) -> Option<&Option<IVec>> {
        self.rows.get(key)
    }

    /// Puts a change in, and answers the one that it replaces.
    pub(super) fn insert(&mut self, key: Key, row: Option<IVec>) -> Option<Option<IVec>> {
        self.bytes += key.len() + row.as_ref().map_or(0, |row| row.len());
        self.rows.insert(key, row)
    }

    /// Takes a change back: the one before is in its place, or none.
    pub(super) fn restore(&mut self, key: Key, before: Option<Option<IVec>>) {
        match before {
            Some(before) => self.rows.insert(key, before),
            None => self.rows.remove(&key),
        };
    }

    /// Adds later changes.
    pub(super) fn merge(&mut self, later: Self) {
        self.bytes += later.bytes;
        self.rows.extend(later.rows);
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Key, &Option<IVec>)> {
        self.rows.iter()
    }

    /// The changes of a range of keys.
    pub(super) fn range(&self, keys: std::ops::Range<&[u8]>) -> Range<'_, Key, Option<IVec>> {
        self.rows.range::<[u8], _>((Bound::Included(keys.start), Bound::Excluded(keys.end)))
    }
}
