//! The short version of `crash-lab`: nothing that was acknowledged is lost or doubled, whatever happens to
//! the server.

use std::collections::BTreeSet;

use harness::heavy::alone;
use harness::steps::steps;
use protocol_tests::crash::{Plan, Summary, clock, cluster, full, kills, power, restart};

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
