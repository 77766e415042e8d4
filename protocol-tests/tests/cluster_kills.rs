//! The short version of `crash-lab` for nodes: nothing that was acknowledged is lost or doubled, whatever
//! happens to any of them, or to what they share.

use protocol_tests::crash::{Chance, Plan, Summary, cluster};
use tokio::sync::Mutex;

/// One cluster after the other: each is three nodes and what they share.
static TURN: Mutex<()> = Mutex::const_new(());

#[tokio::test(flavor = "multi_thread")]
async fn kills_of_nodes_lose_nothing_and_double_nothing() {
    if harness::cluster::left_out() {
        return;
    }
    let _turn = TURN.lock().await;
    let plan = cluster::Plan {
        longhaul: None,
        kills: 100,
        stops: 6,
        faults: 12,
        at_most: None,
        seed: Chance::any_seed(),
    };
    let mut summary = Summary::default();
    cluster::run(&plan, &mut summary).await;
    summary.assert_held();
    assert_eq!(summary.counted("kills"), 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_that_takes_the_databases_place_has_everything() {
    if harness::cluster::left_out() {
        return;
    }
    let _turn = TURN.lock().await;
    let mut summary = Summary::default();
    cluster::failover::run(&Plan::of(3), &mut summary).await;
    summary.assert_held();
    assert_eq!(summary.counted("failovers"), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_are_updated_one_by_one_and_clients_see_retries() {
    if harness::cluster::left_out() {
        return;
    }
    let _turn = TURN.lock().await;
    let mut summary = Summary::default();
    cluster::update::run(&Plan::of(2), &mut summary).await;
    summary.assert_held();
    assert_eq!((summary.counted("restarts"), summary.counted("changes of tables")), (6, 2));
}
