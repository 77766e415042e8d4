//! The contract of the ports in PostgreSQL: `cargo test --features contract --test postgres`.

mod server;

use std::sync::Arc;

use longhaul::store::contract::{DatabaseFixture, SharedFixture, model};
use longhaul::store::postgres::{Connections, Postgres};
use longhaul::store::{Memberships, Messages, Records};
use proptest::prelude::*;

/// The most connections of a store.
const MOST: usize = 8;

/// A store in a schema of its own.
struct Fixture {
    address: String,
    store: Arc<Postgres>,
}

impl Fixture {
    async fn new() -> Self {
        let address = server::schema().await;
        let connections = Connections::to(&address, MOST).expect("an address");
        let store = Postgres::open(connections).await.expect("opened");
        Self { address, store: Arc::new(store) }
    }

    fn again(&self) -> Arc<Postgres> {
        Arc::new(Postgres::over(Connections::to(&self.address, MOST).expect("an address")))
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
