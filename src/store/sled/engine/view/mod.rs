//! The stored rows as an operation of a group sees them: with the changes of the group's earlier operations
//! on top.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use sled::IVec;

use super::key::{self, Key};
use super::layered::Layered;
use super::memtable::{Change, Memtable};
use super::rows::{Fresh, Rows};
use crate::message::{MessageId, MessageIds, Stamp};
use crate::store::StoreError;
use crate::time::Timestamp;

/// The most bytes of a row. A leaf of sled holds up to sixteen rows before it splits, and one of more than
/// 128 KiB goes to a file that sled never syncs.
const MAX_ROW_BYTES: usize = 7 * 1024;

/// The stored rows below, a group's changes above, and a way back for an operation that fails.
pub(crate) struct View<'a> {
    stored: Layered<'a>,
    ids: &'a mut MessageIds,
    changes: Memtable,
    /// The changes that the operation replaced, the first one first.
    replaced: Vec<(Key, Option<Change>)>,
}

impl<'a> View<'a> {
    pub(crate) fn new(stored: Layered<'a>, ids: &'a mut MessageIds) -> Self {
        Self { stored, ids, changes: Memtable::default(), replaced: Vec::new() }
    }

    /// Carries out an operation. An operation that fails, or panics, has changed nothing.
    pub(crate) fn attempt<T>(
        &mut self,
        operation: impl FnOnce(&mut Self) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.replaced.clear();
        let outcome = catch_unwind(AssertUnwindSafe(|| operation(self)))
            .unwrap_or_else(|_| Err(StoreError::Unavailable("an operation panicked".into())));
        if outcome.is_err() {
            self.undo();
        }
        outcome
    }

    /// Takes back what the operation has changed so far.
    pub(crate) fn undo(&mut self) {
        while let Some((key, before)) = self.replaced.pop() {
            self.changes.restore(key, before);
        }
    }

    /// Writes a row.
    ///
    /// # Errors
    /// [`StoreError::Io`] if it is larger than a row may be.
    pub(crate) fn put(&mut self, key: Key, row: impl Into<IVec>) -> Result<(), StoreError> {
        let row = small(row.into())?;
        self.change(key, Change::put(row));
        Ok(())
    }

    /// Writes a row that will be deleted soon. If no layer has its key yet, the deletion costs nothing.
    ///
    /// # Errors
    /// [`StoreError::Io`] if it is larger than a row may be.
    pub(crate) fn put_for_a_while(&mut self, key: Key, row: impl Into<IVec>) -> Result<(), StoreError> {
        let row = small(row.into())?;
        match Fresh::look(self, key)? {
            Ok(key) => self.add(key, row),
            Err(key) => self.change(key, Change::put(row)),
        }
        Ok(())
    }

    /// Writes a row that only the journal gets.
    pub(crate) fn carry(&mut self, key: Key, row: impl Into<IVec>) {
        self.change(key, Change::put(row));
    }

    /// Makes sure that an index has a key, or does not have it; the row is empty, and says everything by
    /// being there.
    pub(crate) fn mark(&mut self, key: Key, is_there: bool) -> Result<(), StoreError> {
        if !is_there {
            self.delete(key);
        } else if let Ok(key) = Fresh::look(self, key)? {
            self.add(key, IVec::default());
        }
        Ok(())
    }

    /// Adds the entry of an index that is only there together with this record, which is fresh.
    pub(crate) fn mark_beside(&mut self, record: &Fresh, key: Key) {
        debug_assert!(self.get(&key).is_ok_and(|row| row.is_none()), "an entry without its record");
        self.add(record.beside(key), IVec::default());
    }

    /// Deletes a row.
    pub(crate) fn delete(&mut self, key: Key) {
        self.change(key, Change::delete());
    }

    fn add(&mut self, key: Fresh, row: IVec) {
        let (name, before) = (key.key().clone(), self.changes.add(key, row));
        self.replaced.push((name, before));
    }

    fn change(&mut self, key: Key, change: Change) {
        let before = self.changes.insert(key.clone(), change);
        self.replaced.push((key, before));
    }

    /// The first keys with this prefix, at most `limit`.
    pub(crate) fn keys(&self, prefix: &[u8], limit: usize) -> Result<Vec<Key>, StoreError> {
        let rows = self.layers().rows(Key::from_slice(prefix)..key::end_of(prefix));
        rows.take(limit).map(|row| Ok(row?.0)).collect()
    }

    /// A stamp after the latest one, for a message whose key has no row.
    pub(crate) fn stamp(
        &mut self,
        now: Timestamp,
        latest: Option<Stamp>,
        key_of: impl Fn(MessageId) -> Key,
    ) -> Result<Stamp, StoreError> {
        let layers = self.stored.below(&self.changes);
        self.ids.stamp(now, latest, |id| Ok(layers.get(&key_of(id))?.is_some()))
    }

    /// The bytes of the group's changes so far.
    pub(crate) fn bytes(&self) -> usize {
        self.changes.bytes()
    }

    pub(crate) fn into_changes(self) -> Memtable {
        self.changes
    }

    fn layers(&self) -> Layered<'_> {
        self.stored.below(&self.changes)
    }
}

fn small(row: IVec) -> Result<IVec, StoreError> {
    if row.len() > MAX_ROW_BYTES {
        let what = format!("a row of {} bytes is more than {MAX_ROW_BYTES}", row.len());
        return Err(io::Error::new(io::ErrorKind::InvalidInput, what).into());
    }
    Ok(row)
}

impl Rows for View<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<IVec>, StoreError> {
        self.layers().get(key)
    }

    fn last(&self, prefix: &[u8]) -> Result<Option<(Key, IVec)>, StoreError> {
        self.layers().last(prefix)
    }

    fn end(&self, prefix: &[u8]) -> Result<Option<(Key, IVec)>, StoreError> {
        self.layers().end(prefix)
    }
}

#[cfg(test)]
mod tests;
