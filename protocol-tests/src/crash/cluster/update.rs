//! The scenario of an update: each node in turn is told to end, and starts again when it is gone, while
//! clients go on. In between, tables are changed as a newer version may change them while older ones run.

use std::rc::Rc;

use harness::server::Setup;
use harness::wait;

use super::Witness;
use super::acts::Deck;
use super::stage::{NODES, Stage};
use crate::crash::Plan;
use crate::crash::chance::Chance;
use crate::crash::summary::{Row, Summary};
use crate::crash::way::Mix;

/// How many updates one cluster sees.
const STRETCH: u64 = 4;
/// The next restart comes within this many acknowledgements.
const SOON: u64 = 60;

/// Updates all nodes, `rounds` times.
pub async fn run(plan: &Plan, summary: &mut Summary) {
    let mut chance = Chance::seeded(plan.seed);
    for rounds in plan.stretches(STRETCH) {
        let setup = plan.setup().setting("--sweep-interval", 1);
        summary.run("updates".to_owned(), stretch(setup, rounds, chance.apart())).await;
    }
}

async fn stretch(setup: Setup, rounds: u64, mut chance: Chance) -> Row {
    let stage = Rc::new(Stage::set(setup.clone(), Mix::All, Deck::empty(), &mut chance).await);
    let witness = Witness::of(&stage);
    for round in 1..=rounds {
        // The tables change at the first start of the newer version: after the end of some node.
        let changed_after = usize::try_from(chance.within(0..NODES as u64)).expect("few");
        for number in 0..NODES {
            stage.acknowledged(chance.within(1..SOON)).await;
            end(&stage, number).await;
            if number == changed_after {
                change_tables(&stage, round);
            }
            let node = stage.cluster.node(number);
            let started = node.try_restart_with(setup.clone()).await;
            started.unwrap_or_else(|death| panic!("a node did not start: {death}"));
            stage.count("restarts");
        }
        stage.audit().await;
    }
    stage.acknowledged(SOON).await;
    let row = stage.finish().await;
    witness.has_held();
    row
}

/// Has a node end in order, as its supervisor does.
async fn end(stage: &Stage, number: usize) {
    let node = stage.cluster.node(number);
    node.terminate();
    let status = node.ended(wait::BOUND).await;
    assert_eq!(status.code(), Some(0), "an orderly end: {status}");
}

/// Changes every table that nodes write to, as a version may that leaves them to older ones.
fn change_tables(stage: &Stage, round: u64) {
    let place = stage.cluster.place();
    let tables = "select table_name from information_schema.tables
        where table_schema = current_schema() and table_name <> 'longhaul_tables'";
    // One by one: a change of several at once may wait for a node that waits for it, and be given up.
    let mut steps: Vec<_> = place
        .rows(tables)
        .into_iter()
        .map(|table| format!("alter table {table} add column newer_{round} text"))
        .collect();
    steps.push(format!("create table newer_{round} (id int primary key)"));
    let done = "insert into longhaul_tables (version, usable_from)
        select max(version) + 1, max(usable_from) from longhaul_tables";
    steps.push(done.to_owned());
    for step in steps {
        assert!(place.rows(&step).is_empty(), "{step}");
    }
    stage.count("changes of tables");
}
