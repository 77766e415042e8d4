//! Several nodes, one of whose servers is away: each node says which, and members hear of every message.

use harness::cluster::{Cluster, left_out};
use harness::http::Request;
use harness::script::{Script, socket};
use harness::server::Setup;
use harness::wait;
use serde_json::{Value, json};

/// A socket of the second member at each node.
async fn members(cluster: &Cluster) -> Vec<Script> {
    let mut members = Vec::new();
    for node in cluster.chat.server.nodes() {
        members.push(socket(&node.url(), &cluster.chat.bob.token, &["websocket"]).await);
    }
    members
}

/// Waits until every node answers like this when it is asked whether it is ready.
async fn all_say(cluster: &Cluster, status: u16, missing: &[&str]) {
    for node in 0..cluster.chat.server.nodes().len() {
        wait::until_true("the node says what it misses", async || {
            let asked = Request::new(cluster.address(node), "GET", "/readyz").try_send().await;
            asked.is_ok_and(|answer| {
                let said = answer.json();
                let named = said.get("missing").cloned().unwrap_or_else(|| json!([]));
                answer.status == status && named == json!(missing) && said["ready"] == (status == 200)
            })
        })
        .await;
    }
}

/// Sends a message by way of each node, and checks that every member hears each of them once, in their order.
async fn all_hear(cluster: &Cluster, members: &[Script], sent: &mut Vec<Value>) {
    for node in 0..members.len() {
        let to = &cluster.chat.conversation;
        let form = harness::multipart::Form::of("a.mp4", format!("{}", sent.len()).as_bytes(), to);
        let request = cluster.request(node, &cluster.chat.alice, "POST", "/messages/upload");
        sent.push(form.into_request(request).send().await.expecting(200).json()["message"]["_id"].clone());
    }
    for member in members {
        member.saw_with("new_message", |message| message["_id"] == sent[sent.len() - 1]).await;
        let heard: Vec<_> = member.all("new_message").iter().map(|message| message["_id"].clone()).collect();
        assert_eq!(heard, *sent);
    }
}

#[tokio::test]
async fn without_redis_a_node_is_ready_and_says_so() {
    if left_out() {
        return;
    }
    let cluster = Cluster::start_alone(Setup::default(), 2).await;
    let (members, mut sent) = (members(&cluster).await, Vec::new());
    all_say(&cluster, 200, &[]).await;
    all_hear(&cluster, &members, &mut sent).await;
    cluster.services.redis.kill();
    all_say(&cluster, 200, &["redis"]).await;
    all_hear(&cluster, &members, &mut sent).await;
    cluster.services.redis.start();
    all_say(&cluster, 200, &[]).await;
    all_hear(&cluster, &members, &mut sent).await;
}

#[tokio::test]
async fn without_the_database_a_node_is_not_ready_and_says_so() {
    if left_out() {
        return;
    }
    let cluster = Cluster::start_alone(Setup::default(), 2).await;
    let (members, mut sent) = (members(&cluster).await, Vec::new());
    all_hear(&cluster, &members, &mut sent).await;
    cluster.services.postgres().kill();
    all_say(&cluster, 503, &["postgres"]).await;
    cluster.services.restart_postgres();
    all_say(&cluster, 200, &[]).await;
    all_hear(&cluster, &members, &mut sent).await;
}

#[tokio::test]
async fn without_the_bucket_a_node_is_ready_and_says_so() {
    if left_out() {
        return;
    }
    let cluster = Cluster::start_alone(Setup::default(), 2).await;
    cluster.services.s3.kill();
    all_say(&cluster, 200, &["bucket"]).await;
    cluster.services.s3.start();
    all_say(&cluster, 200, &[]).await;
    all_hear(&cluster, &members(&cluster).await, &mut Vec::new()).await;
}
