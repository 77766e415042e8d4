//! What is stored, as an operation of a group sees it: sled below, the changes of the group's earlier operations
//! above.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use sled::{Batch, IVec, Tree};

use super::fault;
use super::keys::{self, Key};
use crate::message::MessageIds;
use crate::store::StoreError;

/// A leaf of sled holds up to sixteen rows before it splits, and one of more than 128 KiB goes to a file that
/// sled never syncs.
const MAX_ROW_BYTES: usize = 7 * 1024;

/// Reading rows, from sled or through a group's changes.
pub(super) trait Rows {
    /// The row of a key.
    fn get(&self, key: &[u8]) -> Result<Option<IVec>, StoreError>;

    /// The last row whose key has this prefix.
    fn last(&self, prefix: &[u8]) -> Result<Option<(IVec, IVec)>, StoreError>;
}

impl Rows for Tree {
    fn get(&self, key: &[u8]) -> Result<Option<IVec>, StoreError> {
        Tree::get(self, key).map_err(fault::of)
    }

    fn last(&self, prefix: &[u8]) -> Result<Option<(IVec, IVec)>, StoreError> {
        self.scan_prefix(prefix).next_back().transpose().map_err(fault::of)
    }
}

/// What a group changes: rows to write, and `None` for rows to delete.
#[derive(Debug, Default, Clone)]
pub(super) struct Changes(BTreeMap<Key, Option<IVec>>);

impl Changes {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn batch(&self) -> Batch {
        let mut batch = Batch::default();
        for (key, row) in &self.0 {
            match row {
                Some(row) => batch.insert(key.as_slice(), row.clone()),
                None => batch.remove(key.as_slice()),
            }
        }
        batch
    }

    fn with_prefix(&self, prefix: &[u8]) -> impl DoubleEndedIterator<Item = (&Key, &Option<IVec>)> {
        self.0.range(prefix.to_vec()..keys::end_of(prefix))
    }
}

/// Sled below, a group's changes above, and a way back for an operation that fails.
pub(super) struct View<'a> {
    stored: &'a Tree,
    ids: &'a mut MessageIds,
    changes: Changes,
    bytes: usize,
    /// What the operation's changes replaced, the first one first.
    replaced: Vec<(Key, Option<Option<IVec>>)>,
}

impl<'a> View<'a> {
    pub(super) fn new(stored: &'a Tree, ids: &'a mut MessageIds) -> Self {
        Self { stored, ids, changes: Changes::default(), bytes: 0, replaced: Vec::new() }
    }

    /// Carries out an operation. One that fails, or panics, has changed nothing.
    pub(super) fn attempt<T>(
        &mut self,
        operation: impl FnOnce(&mut Self) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.replaced.clear();
        let outcome = catch_unwind(AssertUnwindSafe(|| operation(self)))
            .unwrap_or_else(|_| Err(StoreError::Unavailable("an operation panicked".into())));
        if outcome.is_err() {
            while let Some((key, before)) = self.replaced.pop() {
                match before {
                    Some(change) => self.changes.0.insert(key, change),
                    None => self.changes.0.remove(&key),
                };
            }
        }
        outcome
    }

    /// Writes a row.
    ///
    /// # Errors
    /// [`StoreError::Io`] if it is larger than a row may be.
    pub(super) fn put(&mut self, key: Key, row: impl Into<IVec>) -> Result<(), StoreError> {
        let row = row.into();
        if row.len() > MAX_ROW_BYTES {
            let what = format!("a row of {} bytes is more than {MAX_ROW_BYTES}", row.len());
            return Err(io::Error::new(io::ErrorKind::InvalidInput, what).into());
        }
        self.change(key, Some(row));
        Ok(())
    }

    /// Writes or deletes a row of an index, which says everything by being there.
    pub(super) fn mark(&mut self, key: Key, is_there: bool) {
        self.change(key, is_there.then(IVec::default));
    }

    /// Deletes a row.
    pub(super) fn delete(&mut self, key: Key) {
        self.change(key, None);
    }

    fn change(&mut self, key: Key, row: Option<IVec>) {
        self.bytes += key.len() + row.as_ref().map_or(0, |row| row.len());
        let before = self.changes.0.insert(key.clone(), row);
        self.replaced.push((key, before));
    }

    /// The first keys with this prefix, at most `limit`.
    pub(super) fn keys(&self, prefix: &[u8], limit: usize) -> Result<Vec<Key>, StoreError> {
        let mut found = BTreeSet::new();
        for key in self.stored.scan_prefix(prefix).keys() {
            let key = key.map_err(fault::of)?.to_vec();
            if self.changes.0.contains_key(&key) {
                continue;
            }
            found.insert(key);
            if found.len() == limit {
                break;
            }
        }
        let written = self.changes.with_prefix(prefix).filter(|(_, row)| row.is_some());
        found.extend(written.take(limit).map(|(key, _)| key.clone()));
        Ok(found.into_iter().take(limit).collect())
    }

    /// The stamps' generator.
    pub(super) fn ids(&mut self) -> &mut MessageIds {
        self.ids
    }

    /// The bytes of the group's changes so far.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn into_changes(self) -> Changes {
        self.changes
    }
}

impl Rows for View<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<IVec>, StoreError> {
        match self.changes.0.get(key) {
            Some(change) => Ok(change.clone()),
            None => Rows::get(self.stored, key),
        }
    }

    fn last(&self, prefix: &[u8]) -> Result<Option<(IVec, IVec)>, StoreError> {
        let written = self.changes.with_prefix(prefix).rev().find_map(|(key, row)| Some((key, row.clone()?)));
        let mut stored = None;
        for row in self.stored.scan_prefix(prefix).rev() {
            let (key, row) = row.map_err(fault::of)?;
            if !self.changes.0.contains_key(key.as_ref()) {
                stored = Some((key, row));
                break;
            }
        }
        Ok(match (written, stored) {
            (Some((key, row)), Some(stored)) if key.as_slice() > stored.0.as_ref() => {
                Some((key.as_slice().into(), row))
            }
            (Some((key, row)), None) => Some((key.as_slice().into(), row)),
            (_, stored) => stored,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Row = (Key, Option<Vec<u8>>);

    /// Few keys with few prefixes, so that they meet; the longest prefix is not a key of its own kind.
    fn rows() -> impl Strategy<Value = Vec<Row>> {
        let key = (0x10..0x12u8, 0..3u8, 0..3u8).prop_map(|(table, id, part)| vec![table, id, part]);
        prop::collection::vec((key, prop::option::of(prop::collection::vec(any::<u8>(), 0..3))), 0..24)
    }

    fn change(view: &mut View<'_>, rows: &[Row]) {
        for (key, row) in rows {
            match row {
                Some(row) => view.put(key.clone(), row.as_slice()).expect("small"),
                None => view.delete(key.clone()),
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// As if sled and the changes were one map, and failed operations had not been.
        #[test]
        fn a_view_is_one_map(stored in rows(), changed in rows(), failed in rows(), later in rows()) {
            let db = sled::Config::new().temporary(true).open().expect("opened");
            let mut ids = MessageIds::new([0; 8]);
            let mut view = View::new(&db, &mut ids);
            change(&mut view, &stored);
            db.apply_batch(view.into_changes().batch()).expect("applied");

            let mut view = View::new(&db, &mut ids);
            view.attempt(|view| { change(view, &changed); Ok(()) }).expect("nothing fails");
            let refused = view.attempt(|view| {
                change(view, &failed);
                Err::<(), _>(StoreError::Full)
            });
            prop_assert!(refused.is_err());
            view.attempt(|view| { change(view, &later); Ok(()) }).expect("nothing fails");

            let mut map = BTreeMap::new();
            for (key, row) in stored.into_iter().chain(changed).chain(later) {
                match row {
                    Some(row) => map.insert(key, row),
                    None => map.remove(&key),
                };
            }
            for prefix in [vec![0x10], vec![0x11], vec![0x10, 1], vec![0x11, 2], vec![0x10, 2, 0], vec![0x12]] {
                let expected: Vec<_> = map.iter().filter(|(key, _)| key.starts_with(&prefix)).collect();
                let last = view.last(&prefix).expect("read").map(|(key, row)| (key.to_vec(), row.to_vec()));
                prop_assert_eq!(last.as_ref().map(|(key, row)| (key, row)), expected.last().copied());
                for limit in [0, 1, 3, usize::MAX] {
                    let keys: Vec<_> = expected.iter().map(|(key, _)| (*key).clone()).take(limit).collect();
                    prop_assert_eq!(view.keys(&prefix, limit).expect("read"), keys);
                }
            }
            for (key, row) in &map {
                let found = view.get(key).expect("read");
                prop_assert_eq!(found.as_deref(), Some(row.as_slice()));
            }
            db.apply_batch(view.into_changes().batch()).expect("applied");
            let stored: Vec<_> = db.iter().map(|row| row.expect("read")).map(|(k, v)| (k.to_vec(), v.to_vec())).collect();
            prop_assert_eq!(stored, map.into_iter().collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_row_that_is_too_large_is_refused() {
        let db = sled::Config::new().temporary(true).open().expect("opened");
        let mut ids = MessageIds::new([0; 8]);
        let mut view = View::new(&db, &mut ids);
        view.put(vec![0x10], vec![0; MAX_ROW_BYTES]).expect("just so");
        assert!(matches!(view.put(vec![0x10], vec![0; MAX_ROW_BYTES + 1]), Err(StoreError::Io(_))));
    }
}
