//! Reading through layers: later changes above earlier ones, and sled below.

use std::iter::Peekable;
use std::ops::Range;

use sled::IVec;

use super::fault;
use super::key::{self, Key};
use super::memtable::Memtable;
pub(crate) use super::rows::Rows;
use super::runs::{Row, Stored};
use crate::store::StoreError;

/// The layers: the latest changes first, and sled below all of them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layered<'a> {
    changes: [Option<&'a Memtable>; 3],
    stored: Stored<'a>,
}

impl<'a> Layered<'a> {
    /// The layers of these changes above sled, the later above the earlier.
    pub(crate) fn new(later: &'a Memtable, earlier: Option<&'a Memtable>, stored: Stored<'a>) -> Self {
        Self { changes: [None, Some(later), earlier], stored }
    }

    /// The layers with the changes of a group on top.
    pub(crate) fn below(self, group: &'a Memtable) -> Self {
        let [_, later, earlier] = self.changes;
        Self { changes: [Some(group), later, earlier], ..self }
    }

    /// The rows of a range in the order of their keys.
    pub(crate) fn rows(&self, range: Range<Key>) -> Merge<'a> {
        let keys = &*range.start..&*range.end;
        let changes = self.layers().filter_map(|layer| changed(layer.range(keys.clone()))).collect();
        Merge { changes, stored: self.stored.rows(keys).peekable(), is_backwards: false }
    }

    /// The rows of a range, the last one first.
    pub(crate) fn rows_back(&self, range: Range<Key>) -> Merge<'a> {
        let keys = &*range.start..&*range.end;
        let changes = self.layers().filter_map(|layer| changed(layer.range(keys.clone()).rev())).collect();
        Merge { changes, stored: self.stored.rows_back(keys).peekable(), is_backwards: true }
    }

    fn layers(&self) -> impl Iterator<Item = &'a Memtable> {
        self.changes.into_iter().flatten()
    }
}

impl Rows for Layered<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<IVec>, StoreError> {
        match self.layers().find_map(|changes| changes.get(key)) {
            Some(change) => Ok(change.clone()),
            None => self.stored.get(key).map_err(fault::of),
        }
    }

    fn last(&self, prefix: &[u8]) -> Result<Option<(Key, IVec)>, StoreError> {
        self.rows_back(Key::from_slice(prefix)..key::end_of(prefix)).next().transpose()
    }

    fn end(&self, prefix: &[u8]) -> Result<Option<(Key, IVec)>, StoreError> {
        let end = key::end_of(prefix);
        // The row that was added last is in the latest layer that has any.
        match self.layers().find_map(|changes| changes.range(prefix..&end).next_back()) {
            Some((key, Some(row))) => Ok(Some((key.clone(), row.clone()))),
            // It was deleted, and so were the others, or they would not be behind it.
            Some((_, None)) => self.last(prefix),
            None => self.stored.rows_back(prefix..&end).next().transpose().map_err(fault::of),
        }
    }
}

type Changed<'a> = Peekable<Box<dyn Iterator<Item = (&'a Key, &'a Option<IVec>)> + 'a>>;
type Below<'a> = Box<dyn Iterator<Item = Row> + 'a>;

/// The changes of a layer, if there are any.
fn changed<'a>(rows: impl Iterator<Item = (&'a Key, &'a Option<IVec>)> + 'a) -> Option<Changed<'a>> {
    let mut rows = rows.peekable();
    rows.peek()?;
    Some((Box::new(rows) as Box<dyn Iterator<Item = _>>).peekable())
}

/// The rows of all layers as if they were one. If several layers have a key, the latest counts; a key that
/// was deleted last is absent.
pub(crate) struct Merge<'a> {
    changes: Vec<Changed<'a>>,
    stored: Peekable<Below<'a>>,
    is_backwards: bool,
}

impl Merge<'_> {
    /// The next key of all layers.
    fn next_key(&mut self) -> Option<Key> {
        let stored = match self.stored.peek() {
            Some(Ok((key, _))) => Some(key.as_slice()),
            Some(Err(_)) | None => None,
        };
        let changed = self.changes.iter_mut().filter_map(|rows| rows.peek().map(|(key, _)| key.as_slice()));
        let keys = stored.into_iter().chain(changed);
        let next = if self.is_backwards { keys.max() } else { keys.min() };
        next.map(Key::from_slice)
    }

    /// Takes this key out of the layers in which it is next; answers the latest row of it.
    fn take(&mut self, key: &[u8]) -> Option<IVec> {
        let mut found = None;
        for rows in &mut self.changes {
            if let Some((_, row)) = rows.next_if(|(next, _)| next.as_slice() == key) {
                found = found.or(Some(row.clone()));
            }
        }
        let stored = self.stored.next_if(|row| matches!(row, Ok((next, _)) if next.as_slice() == key));
        match found {
            Some(change) => change,
            None => stored.and_then(Result::ok).map(|(_, row)| row),
        }
    }
}

impl Iterator for Merge<'_> {
    type Item = Result<(Key, IVec), StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.changes.is_empty() {
            return self.stored.next().map(|row| row.map_err(fault::of));
        }
        if let Some(Err(error)) = self.stored.next_if(Result::is_err) {
            return Some(Err(fault::of(error)));
        }
        loop {
            let key = self.next_key()?;
            if let Some(row) = self.take(&key) {
                return Some(Ok((key, row)));
            }
            if let Some(Err(error)) = self.stored.next_if(Result::is_err) {
                return Some(Err(fault::of(error)));
            }
        }
    }
}
