//! The contract of the ports, run by implementations that are not in the crate, as those of another backend:
//! `cargo test --features contract --test contract`. The conversations here are an implementation of their
//! own; for the other ports, the stores in memory stand for one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use longhaul::message::{ConversationId, UserId};
use longhaul::store::contract::{DatabaseFixture, NodesFixture, PayloadsFixture, SharedFixture};
use longhaul::store::memory::{Memory, MemoryNode, MemoryPayloads};
use longhaul::store::{Duties, Hints, Leases, Memberships, Messages, Payloads, Put, Records, StoreError};

/// Conversations as a chat might keep them.
#[derive(Default)]
struct Conversations(Mutex<BTreeMap<ConversationId, BTreeSet<UserId>>>);

impl Conversations {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<ConversationId, BTreeSet<UserId>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Memberships for Conversations {
    async fn put(&self, id: ConversationId, participants: &[UserId]) -> Result<Put, StoreError> {
        let before = self.lock().insert(id, participants.iter().cloned().collect());
        Ok(if before.is_some() { Put::Changed } else { Put::Made })
    }

    async fn participants(&self, id: ConversationId) -> Result<Option<Vec<UserId>>, StoreError> {
        Ok(self.lock().get(&id).map(|users| users.iter().cloned().collect()))
    }

    async fn conversations(
        &self,
        user: &UserId,
        after: Option<ConversationId>,
        limit: usize,
    ) -> Result<Vec<ConversationId>, StoreError> {
        let conversations = self.lock();
        let later = conversations.iter().filter(|(id, _)| after.is_none_or(|after| **id > after));
        Ok(later.filter(|(_, users)| users.contains(user)).map(|(id, _)| *id).take(limit).collect())
    }

    async fn is_participant(&self, id: ConversationId, user: &UserId) -> Result<Option<bool>, StoreError> {
        Ok(self.lock().get(&id).map(|users| users.contains(user)))
    }
}

/// A node of the backend.
struct Backend {
    database: Arc<Memory>,
    conversations: Arc<Conversations>,
    objects: MemoryPayloads,
    node: MemoryNode,
}

impl Backend {
    fn new() -> Self {
        let database = Arc::new(Memory::new());
        let node = MemoryNode::over(database.clone());
        Self { database, conversations: Arc::default(), objects: MemoryPayloads::sealing(), node }
    }

    fn beside(&self) -> Self {
        let (database, conversations) = (Arc::clone(&self.database), Arc::clone(&self.conversations));
        Self { database, conversations, objects: self.objects.clone(), node: self.node.second() }
    }
}

impl DatabaseFixture for Backend {
    fn records(&self) -> Arc<dyn Records> {
        self.database.clone()
    }

    fn messages(&self) -> Arc<dyn Messages> {
        self.database.clone()
    }

    fn memberships(&self) -> Arc<dyn Memberships> {
        self.conversations.clone()
    }

    fn reopen(&mut self) {}
}

impl SharedFixture for Backend {
    fn second(&self) -> Self {
        self.beside()
    }
}

impl PayloadsFixture for Backend {
    fn payloads(&self) -> Arc<dyn Payloads> {
        Arc::new(self.objects.clone())
    }

    fn reopen(&mut self) {}
}

impl NodesFixture for Backend {
    fn records(&self) -> Arc<dyn Records> {
        self.database.clone()
    }

    fn messages(&self) -> Arc<dyn Messages> {
        self.database.clone()
    }

    fn payloads(&self) -> Arc<dyn Payloads> {
        Arc::new(self.objects.clone())
    }

    fn leases(&self) -> Arc<dyn Leases> {
        Arc::new(self.node.clone())
    }

    fn duties(&self) -> Arc<dyn Duties> {
        Arc::new(self.node.clone())
    }

    fn hints(&self) -> Arc<dyn Hints> {
        Arc::new(self.node.clone())
    }

    fn second(&self) -> Self {
        self.beside()
    }

    fn stop(&self) {
        self.node.stop();
    }
}

mod records {
    longhaul::store::contract::records_contract!(super::Backend::new());
}

mod messages {
    longhaul::store::contract::messages_contract!(super::Backend::new());
}

mod memberships {
    longhaul::store::contract::memberships_contract!(super::Backend::new());
}

mod payloads {
    longhaul::store::contract::payloads_contract!(super::Backend::new());
}

mod leases {
    longhaul::store::contract::leases_contract!(super::Backend::new().node);
}

mod nodes {
    longhaul::store::contract::nodes_contract!(super::Backend::new());
}
