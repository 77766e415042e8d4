//! Nodes whose tables a newer version has changed. `cluster_kills` has an update under load.

use harness::cluster::{Cluster, left_out};
use harness::content::Content;
use harness::http::Request;
use harness::server::Setup;
use harness::{tus, wait};
use serde_json::json;

mod nodes;

use nodes::{finish, is_the_only_message, offset_on, patch_on, stall};

const MIB: u64 = 1 << 20;

#[tokio::test]
async fn tables_that_a_newer_version_added_to_are_used_by_nodes_that_run_and_by_those_that_start() {
    if left_out() {
        return;
    }
    let cluster = Cluster::start(Setup::default(), 2).await;
    let content = Content::random(20 * MIB);
    let location = tus::create(&cluster.chat, content.len(), &[]).await;
    let mut sending = stall(&cluster, 0, &location, &content, 3 * MIB).await;
    let newer = "alter table uploads add column newer text; alter table messages add column newer text;
        create table newer (id int primary key);
        insert into longhaul_tables (version, usable_from) select max(version) + 1, 1 from longhaul_tables";
    assert!(cluster.place().rows(newer).is_empty());
    sending.send(&content.slice(3 * MIB..10 * MIB)).await;
    cluster.node(1).restart().await;
    finish(&cluster, 0, &location, &content, 4 * MIB).await;
    is_the_only_message(&cluster, &content).await;
}

#[tokio::test]
async fn tables_that_are_for_newer_versions_are_left_to_them() {
    if left_out() {
        return;
    }
    let cluster = Cluster::start(Setup::default(), 2).await;
    let content = Content::random(2 * MIB);
    let location = tus::create(&cluster.chat, content.len(), &[]).await;
    patch_on(&cluster, 0, &location, 0).body(content.slice(0..MIB)).send().await.expecting(204);
    let newer = "insert into longhaul_tables (version, usable_from) values (1000, 1000)";
    assert!(cluster.place().rows(newer).is_empty());

    cluster.node(1).terminate();
    cluster.node(1).ended(wait::BOUND).await;
    let death = cluster.node(1).try_restart_with(Setup::default()).await.expect_err("it may not use them");
    assert_eq!(death.status.code(), Some(2), "{death}");
    assert!(death.log.contains("the tables in the database are for versions from 1000 on"), "{death}");

    wait::until_true("a node that runs gets nothing new any more", async || {
        let answer = Request::new(cluster.address(0), "GET", "/readyz").send().await;
        answer.status == 503 && answer.json()["missing"] == json!(["postgres"])
    })
    .await;
    let said = "the tables are for newer versions than this one now";
    assert_eq!(cluster.node(0).log().matches(said).count(), 1);

    assert!(cluster.place().rows("delete from longhaul_tables where version = 1000").is_empty());
    cluster.node(1).restart().await;
    assert_eq!(offset_on(&cluster, 1, &location).await, MIB);
    finish(&cluster, 1, &location, &content, MIB).await;
    is_the_only_message(&cluster, &content).await;
}
