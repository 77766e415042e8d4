//! The short version of `crash-lab`: nothing that was acknowledged is lost or doubled, whatever happens to
//! the server.

use std::collections::BTreeSet;

use harness::heavy::alone;
use harness::steps::steps;
use protocol_tests::crash::{Chance, Plan, Summary, clock, cluster, full, kills, power, restart};

#[tokio::test]
async fn a_hundred_kills_lose_nothing_and_double_nothing() {
    let _alone = alone().await;
    let mut summary = Summary::default();
    kills::run(&Plan::of(100), &mut summary).await;
    summary.assert_held();
    assert_eq!(summary.counted("kills"), 100);
}

#[tokio::test]
async fn servers_are_killed_at_every_step() {
    let known: BTreeSet<_> = steps().await.into_iter().collect();
    let killed_at = kills::steps().into_iter().chain(cluster::steps());
    let killed_at: BTreeSet<_> = killed_at.map(str::to_owned).collect();
    assert_eq!(killed_at, known);
}

#[tokio::test]
async fn power_cuts_lose_nothing_and_double_nothing() {
    let _alone = alone().await;
    let mut summary = Summary::default();
    power::run(&Plan::of(9), &mut summary).await;
    summary.assert_held();
}

#[tokio::test]
async fn a_full_disk_is_told_and_survived() {
    let _alone = alone().await;
    let mut summary = Summary::default();
    full::run(&Plan::of(8), &mut summary).await;
    summary.assert_held();
}

#[tokio::test]
async fn a_rolling_restart_is_a_retry_to_clients() {
    let _alone = alone().await;
    let mut summary = Summary::default();
    restart::run(&Plan::of(8), &mut summary).await;
    summary.assert_held();
}

#[tokio::test]
async fn a_clock_that_jumps_does_no_harm() {
    let _alone = alone().await;
    let mut summary = Summary::default();
    clock::run(&Plan::of(8), &mut summary).await;
    summary.assert_held();
}

#[tokio::test(flavor = "multi_thread")]
async fn kills_of_nodes_lose_nothing_and_double_nothing() {
    if harness::cluster::left_out() {
        return;
    }
    let _alone = alone().await;
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
    let _alone = alone().await;
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
    let _alone = alone().await;
    let mut summary = Summary::default();
    cluster::update::run(&Plan::of(2), &mut summary).await;
    summary.assert_held();
    assert_eq!((summary.counted("restarts"), summary.counted("changes of tables")), (6, 2));
}
