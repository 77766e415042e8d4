//! The types under which files may be shown. A file never changes, so its first bytes are looked at once:
//! behind an object store that is a request, and a player asks for many ranges.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use crate::message::MessageId;

/// The most files that are remembered. A full memory is cleared; it fills again by itself.
const MOST: usize = 8192;

/// What is known of files.
#[derive(Debug, Default)]
pub struct Types(RwLock<HashMap<MessageId, Option<&'static str>>>);

impl Types {
    /// The type under which a message's file may be shown, if that is known.
    pub(super) fn get(&self, id: MessageId) -> Option<Option<&'static str>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&id).copied()
    }

    /// Remembers it.
    pub(super) fn insert(&self, id: MessageId, shown: Option<&'static str>) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(id, shown);
    }
}
