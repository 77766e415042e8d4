//! The contracts of the ports, run in sled.

mod audit;
mod carried;
mod concurrency;
mod folder;
mod groups;
mod sums;

use std::path::PathBuf;
use std::sync::Arc;

use proptest::prelude::*;
use tempfile::TempDir;

use super::{SledPayloads, SledStore};
use crate::store::contract::{DatabaseFixture, PayloadsFixture, SharedFixture, model};
use crate::store::{Durability, Memberships, Messages, Payloads, Records};

/// A store in a folder of its own.
struct Fixture {
    folder: Arc<TempDir>,
    store: Option<Arc<SledStore>>,
}

impl Fixture {
    fn new() -> Self {
        let folder = Arc::new(tempfile::tempdir().expect("a temporary folder"));
        let mut fixture = Self { folder, store: None };
        fixture.open();
        fixture
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("records")
    }

    fn open(&mut self) {
        let store = SledStore::open(&self.path(), Durability::Process).expect("opened");
        self.store = Some(Arc::new(store));
    }

    fn store(&self) -> Arc<SledStore> {
        Arc::clone(self.store.as_ref().expect("open"))
    }

    fn open_again(&mut self) {
        let last = self.store.take().and_then(Arc::into_inner);
        drop(last.expect("nobody else has the store"));
        self.open();
    }
}

impl DatabaseFixture for Fixture {
    fn records(&self) -> Arc<dyn Records> {
        self.store()
    }

    fn messages(&self) -> Arc<dyn Messages> {
        self.store()
    }

    fn memberships(&self) -> Arc<dyn Memberships> {
        self.store()
    }

    fn reopen(&mut self) {
        self.open_again();
    }
}

impl SharedFixture for Fixture {
    fn second(&self) -> Self {
        Self { folder: Arc::clone(&self.folder), store: self.store.clone() }
    }
}

impl PayloadsFixture for Fixture {
    fn payloads(&self) -> Arc<dyn Payloads> {
        Arc::new(SledPayloads::new(&self.store(), self.folder.path(), 0, 1 << 20))
    }

    fn reopen(&mut self) {
        self.open_again();
    }
}

mod records {
    crate::store::contract::records_contract!(super::Fixture::new());
}

mod messages {
    crate::store::contract::messages_contract!(super::Fixture::new());
}

mod memberships {
    crate::store::contract::memberships_contract!(super::Fixture::new());
}

mod payloads {
    crate::store::contract::payloads_contract!(super::Fixture::new());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) })]

    #[test]
    fn any_sequence_gives_the_same_answers_as_in_memory(steps in model::steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(model::same_answers(Fixture::new(), steps));
    }
}
