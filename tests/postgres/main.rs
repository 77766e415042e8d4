//! The contract of the ports in PostgreSQL: `cargo test --features contract,postgres-server --test
//! postgres`.

mod audit;
mod clocks;
mod control;
mod faults;
mod orders;
mod outages;
mod process;
mod proxy;
mod races;
mod server;

use std::sync::{Arc, LazyLock};
use std::thread;

use longhaul::store::contract::{DatabaseFixture, NodesFixture, SharedFixture, model};
use longhaul::store::memory::MemoryPayloads;
use longhaul::store::postgres::{Connections, Postgres, PostgresNode};
use longhaul::store::{Duties, Hints, Leases, Memberships, Messages, Payloads, Records};
use proptest::prelude::*;
use tokio::runtime::Runtime;

/// The most connections of a store.
const MOST: usize = 8;

/// A store in a schema of its own.
struct Fixture {
    address: String,
    store: Arc<Postgres>,
}

fn connections(address: &str) -> Connections {
    Connections::to(&address.parse().expect("an address"), MOST).expect("they need no certificates")
}

impl Fixture {
    async fn new() -> Self {
        Self::at(server::schema()).await
    }

    async fn at(address: String) -> Self {
        let connections = connections(&address);
        let store = Postgres::open(connections).await.expect("opened");
        Self { address, store: Arc::new(store) }
    }

    fn again(&self) -> Arc<Postgres> {
        Arc::new(Postgres::over(connections(&self.address)))
    }
}

impl DatabaseFixture for Fixture {
    fn records(&self) -> Arc<dyn Records> {
        self.store.clone()
    }

    fn messages(&self) -> Arc<dyn Messages> {
        self.store.clone()
    }

    fn memberships(&self) -> Arc<dyn Memberships> {
        self.store.clone()
    }

    fn reopen(&mut self) {
        self.store = self.again();
    }
}

impl SharedFixture for Fixture {
    fn second(&self) -> Self {
        Self { address: self.address.clone(), store: self.again() }
    }
}

/// What nodes do by themselves, while a test waits for something else.
static BESIDE: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a runtime"));

/// Does something beside a test that must not wait, or cannot.
fn beside<T: Send>(work: impl Future<Output = T> + Send) -> T {
    thread::scope(|scope| scope.spawn(|| BESIDE.block_on(work)).join().expect("no panic"))
}

/// A node on a store in a schema of its own. Bytes are in memory.
struct Node {
    store: Fixture,
    payloads: MemoryPayloads,
    node: PostgresNode,
}

impl Node {
    async fn new() -> Self {
        Self::on(Fixture::new().await, MemoryPayloads::sealing())
    }

    fn on(store: Fixture, payloads: MemoryPayloads) -> Self {
        let connections = connections(&store.address);
        let node = beside(PostgresNode::start(connections)).expect("started");
        Self { store, payloads, node }
    }

    fn beside(&self) -> Self {
        Self::on(self.store.second(), self.payloads.clone())
    }
}

impl NodesFixture for Node {
    fn records(&self) -> Arc<dyn Records> {
        self.store.records()
    }

    fn messages(&self) -> Arc<dyn Messages> {
        self.store.messages()
    }

    fn payloads(&self) -> Arc<dyn Payloads> {
        Arc::new(self.payloads.clone())
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
        beside(self.node.stop()).expect("stopped");
    }
}

mod leases {
    longhaul::store::contract::leases_contract!(super::Node::new().await.node);
}

mod nodes {
    longhaul::store::contract::nodes_contract!(super::Node::new().await);
}

mod records {
    longhaul::store::contract::records_contract!(super::Fixture::new().await);
}

mod messages {
    longhaul::store::contract::messages_contract!(super::Fixture::new().await);
}

mod memberships {
    longhaul::store::contract::memberships_contract!(super::Fixture::new().await);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(32) })]

    #[test]
    fn any_sequence_gives_the_same_answers_as_in_memory(steps in model::steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async { model::same_answers(Fixture::new().await, steps).await });
    }
}
