//! Reading rows, in whichever layer they lie.

use sled::IVec;

use super::key::Key;
use crate::store::StoreError;

/// Rows by their keys.
pub(crate) trait Rows {
    /// The row of a key.
    fn get(&self, key: &[u8]) -> Result<Option<IVec>, StoreError>;

    /// The last row whose key has this prefix.
    fn last(&self, prefix: &[u8]) -> Result<Option<(Key, IVec)>, StoreError>;

    /// The last row whose key has this prefix, found more quickly. Only where rows are added after the last
    /// one, and never deleted there while others stay.
    fn end(&self, prefix: &[u8]) -> Result<Option<(Key, IVec)>, StoreError>;
}

/// A key that had no row anywhere when this was made. Looking is the only way to get one: for the key itself,
/// or for the record that its row belongs to.
#[derive(Debug)]
pub(crate) struct Fresh(Key);

impl Fresh {
    /// The key as a fresh one if it has no row; the plain key otherwise.
    pub(crate) fn look(rows: &impl Rows, key: Key) -> Result<Result<Self, Key>, StoreError> {
        Ok(if rows.get(&key)?.is_none() { Ok(Self(key)) } else { Err(key) })
    }

    /// The key of a row that is only there together with the row of this key, as an entry of an index is:
    /// where there is no record there is none, and looking for it is spared.
    pub(crate) fn beside(&self, key: Key) -> Self {
        Self(key)
    }

    /// The key.
    pub(crate) fn key(&self) -> &Key {
        &self.0
    }

    /// The key, to be given a row.
    pub(crate) fn into_key(self) -> Key {
        self.0
    }
}
