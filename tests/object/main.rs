//! The contract of the ports, with bytes in an object store: `cargo test --features
//! contract,postgres-server,s3-server --test object`.

mod ahead;
mod audit;
mod cluster;
mod garbage;
mod gate;
mod gateway;
mod links;
mod lost;
mod memory;
mod moving;
mod outage;
mod parts;
mod reading;
#[allow(dead_code, reason = "it is the server of other tests as well")]
#[path = "../postgres/server.rs"]
mod server;
mod traps;

use std::sync::{Arc, LazyLock};
use std::thread;
use std::time::Duration;

use longhaul::store::contract::{NodesFixture, PayloadsFixture};
use longhaul::store::object::{Bucket, Limits, Objects, S3};
use longhaul::store::postgres::{Connections, Postgres, PostgresNode};
use longhaul::store::{Duties, Hints, Leases, Messages, Payloads, Records};
use tokio::runtime::Runtime;

const MOST: usize = 8;
const MIB: u64 = 1024 * 1024;

fn connections(address: &str) -> Connections {
    Connections::to(&address.parse().expect("an address"), MOST).expect("they need no certificates")
}

fn limits() -> Limits {
    let soon = Duration::from_secs(2);
    Limits { part_bytes: 5 * MIB, making: soon, lost: soon, ..Limits::default() }
}

/// What nodes do by themselves, while a test waits for something else.
static BESIDE: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a runtime"));

/// Does something beside a test that must not wait, or cannot.
fn beside<T: Send>(work: impl Future<Output = T> + Send) -> T {
    thread::scope(|scope| scope.spawn(|| BESIDE.block_on(work)).join().expect("no panic"))
}

/// A store in a schema and a bucket of its own.
struct Fixture {
    address: String,
    s3: S3,
    store: Arc<Postgres>,
    objects: Objects,
}

impl Fixture {
    async fn new() -> Self {
        let address = server::schema();
        Postgres::open(connections(&address)).await.expect("opened");
        let fixture = Self::on(address, gateway::bucket());
        assert!(fixture.objects.belongs().await.expect("marked"));
        fixture
    }

    fn on(address: String, s3: S3) -> Self {
        let store = Arc::new(Postgres::over(connections(&address)));
        let bucket = Bucket::of(&s3, limits().part_timeout).expect("a bucket");
        let objects = Objects::new(store.clone(), bucket, limits());
        Self { address, s3, store, objects }
    }

    fn again(&self) -> Self {
        Self::on(self.address.clone(), self.s3.clone())
    }
}

impl PayloadsFixture for Fixture {
    fn payloads(&self) -> Arc<dyn Payloads> {
        Arc::new(self.objects.clone())
    }

    fn reopen(&mut self) {
        *self = self.again();
    }
}

/// A node on such a store.
struct Node {
    store: Fixture,
    node: PostgresNode,
}

impl Node {
    async fn new() -> Self {
        Self::of(Fixture::new().await)
    }

    fn of(store: Fixture) -> Self {
        let node = beside(PostgresNode::start(connections(&store.address))).expect("started");
        Self { store, node }
    }
}

impl NodesFixture for Node {
    fn records(&self) -> Arc<dyn Records> {
        self.store.store.clone()
    }

    fn messages(&self) -> Arc<dyn Messages> {
        self.store.store.clone()
    }

    fn payloads(&self) -> Arc<dyn Payloads> {
        self.store.payloads()
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
        Self::of(self.store.again())
    }

    fn stop(&self) {
        beside(self.node.stop()).expect("stopped");
    }
}

mod payloads {
    longhaul::store::contract::payloads_contract!(super::Fixture::new().await);
}

mod nodes {
    longhaul::store::contract::nodes_contract!(super::Node::new().await);
}
