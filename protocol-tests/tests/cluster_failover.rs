//! Nodes whose address names PostgreSQL and a standby of it, with nothing in between that leads them.

use std::sync::Arc;

use harness::cluster::{Cluster, left_out};
use harness::content::Content;
use harness::http::Request;
use harness::server::Setup;
use harness::{tus, wait};

mod nodes;

use nodes::{finish, is_the_only_message, offset_on, on, patch_on, stall};

const MIB: u64 = 1 << 20;

/// Waits until every node answers like this when it is asked whether it is ready.
async fn all_say(cluster: &Cluster, status: u16) {
    for node in 0..cluster.chat.server.nodes().len() {
        wait::until_true("the node says whether it is ready", async || {
            let asked = Request::new(cluster.address(node), "GET", "/readyz").try_send().await;
            asked.is_ok_and(|answer| answer.status == status)
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_whose_address_names_both_servers_find_the_one_that_takes_writes() {
    if left_out() {
        return;
    }
    let (cluster, standby) = Cluster::start_with_standby(Setup::default(), 2).await;
    let content = Content::random(12 * MIB);
    let location = tus::create(&cluster.chat, content.len(), &[]).await;
    patch_on(&cluster, 1, &location, 0).body(content.slice(0..MIB)).send().await.expecting(204);
    let other = tus::create(&cluster.chat, content.len(), &[]).await;
    let sending = stall(&cluster, 0, &other, &content, 3 * MIB).await;
    cluster.services.postgres().kill();
    all_say(&cluster, 503).await;
    let away = on(&cluster, 1, "HEAD", &location).send().await.expecting(423);
    assert!(away.header("Retry-After").is_some());
    let services = Arc::clone(&cluster.services);
    tokio::task::spawn_blocking(move || services.promote(&standby)).await.expect("no panic");
    all_say(&cluster, 200).await;
    drop(sending);
    on(&cluster, 1, "DELETE", &other).send().await.expecting(204);
    assert_eq!(offset_on(&cluster, 0, &location).await, MIB, "what was acknowledged");
    finish(&cluster, 1, &location, &content, 4 * MIB).await;
    is_the_only_message(&cluster, &content).await;
    for node in cluster.chat.server.nodes() {
        let said = |what: &str| node.log().matches(&format!("the line to the database is {what}")).count();
        wait::until_true("the node says that its line is whole", async || said("whole again") == 1).await;
        assert_eq!(said("broken"), 1, "{}", node.log());
    }
}
