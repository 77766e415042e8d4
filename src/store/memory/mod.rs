//! Stores in memory, for tests of use cases: the simplest implementation of the ports.

mod announcements;
mod claims;
mod leases;
mod memberships;
mod messages;
mod node;
mod payloads;
mod records;
mod relay;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use announcements::MemoryAnnouncements;
pub use node::MemoryNode;
pub use payloads::MemoryPayloads;
pub use relay::MemoryRelay;

use crate::message::{ConversationId, Message, MessageId, MessageIds, Stamp, UserId};
use crate::store::local::{Alone, LocalLeases};
use crate::store::{Payloads, Position, Stores, Synced};
use crate::time::Timestamp;
use crate::upload::{Upload, UploadId};
use claims::Claims;

/// Records, messages and memberships behind one lock, so that each method is one step.
#[derive(Debug)]
pub struct Memory {
    tables: Mutex<Tables>,
}

#[derive(Debug)]
struct Tables {
    /// Uploads as recorded, with the end of the ledger: nothing else of a ledger can be read.
    uploads: BTreeMap<UploadId, Upload>,
    /// Parts that uploads were made of.
    used: BTreeSet<UploadId>,
    claims: Claims,
    participants: HashMap<ConversationId, BTreeSet<UserId>>,
    latest: HashMap<ConversationId, Stamp>,
    messages: BTreeMap<MessageId, Message>,
    order: BTreeMap<(ConversationId, Position), MessageId>,
    /// Messages to be announced, with the times of their commits.
    outbox: BTreeMap<MessageId, Timestamp>,
    /// Messages that were announced.
    announced: BTreeSet<MessageId>,
    ids: MessageIds,
}

impl Memory {
    /// An empty store. Its message ids follow from a fixed seed, which makes tests repeatable.
    pub fn new() -> Self {
        Self {
            tables: Mutex::new(Tables {
                uploads: BTreeMap::new(),
                used: BTreeSet::new(),
                claims: Claims::default(),
                participants: HashMap::new(),
                latest: HashMap::new(),
                messages: BTreeMap::new(),
                order: BTreeMap::new(),
                outbox: BTreeMap::new(),
                announced: BTreeSet::new(),
                ids: MessageIds::new([0; 32]),
            }),
        }
    }

    /// All ports of one process that is alone, over this store and these bytes.
    pub fn stores(self: &Arc<Self>, payloads: Arc<dyn Payloads>) -> Stores {
        Stores {
            records: self.clone(),
            messages: self.clone(),
            memberships: self.clone(),
            leases: Arc::new(LocalLeases::default()),
            duties: Arc::new(Alone),
            hints: Arc::new(Alone),
            appends: Arc::new(Synced::new(payloads.clone(), self.clone())),
            payloads,
            announcements: Arc::new(MemoryAnnouncements::default()),
        }
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        lock(&self.tables)
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

/// Locks the state. Every method checks before it changes anything, so the state is whole after a panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
