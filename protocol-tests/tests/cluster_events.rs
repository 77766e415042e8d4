//! Several nodes: members hear of an upload and of its message, wherever they are connected.

use harness::cluster::{Cluster, left_out};
use harness::script::{Script, socket};
use harness::server::Setup;
use harness::tus;
use serde_json::{Value, json};

/// A socket of the second member at each node, and one by way of the balancer.
async fn members(cluster: &Cluster) -> Vec<Script> {
    let chat = &cluster.chat;
    // It polls, and keeps cookies as browsers do.
    let config = json!({
        "url": chat.server.url(), "auth": {"token": chat.bob.token}, "transports": ["polling"], "withCredentials": true,
    });
    let polling = Script::start("socket", &config);
    polling.saw("connect").await;
    let mut members = vec![polling];
    for node in chat.server.nodes() {
        members.push(socket(&node.url(), &chat.bob.token, &["websocket"]).await);
    }
    members
}

fn messages(member: &Script) -> Vec<Value> {
    member.all("new_message").iter().map(|message| message["_id"].clone()).collect()
}

#[tokio::test]
async fn a_message_is_told_once_at_every_node() {
    if left_out() {
        return;
    }
    let cluster = Cluster::start(Setup::default(), 3).await;
    let chat = &cluster.chat;
    let members = members(&cluster).await;
    let mut sent = Vec::new();
    for name in ["one.mp4", "two.mp4", "three.mp4"] {
        sent.push(chat.post(name, name.as_bytes()).await["_id"].clone());
    }
    for member in &members {
        member.saw_with("new_message", |message| message["_id"] == sent[2]).await;
        assert_eq!(messages(member), sent, "in their order, and each once");
    }
}

#[tokio::test]
async fn an_upload_under_way_is_told_at_every_node() {
    if left_out() {
        return;
    }
    let cluster = Cluster::start(Setup::default(), 2).await;
    let (chat, members) = (&cluster.chat, members(&cluster).await);
    let location = tus::create(chat, 5, &[("filename", "film.mp4")]).await;
    let id = tus::id_of(&location).to_owned();
    tus::append(chat, &location, 0, b"who").await.expecting(204);
    for member in &members {
        member.saw_with("upload_started", |seen| seen["upload_id"] == *id).await;
    }
    tus::append(chat, &location, 3, b"le").await.expecting(204);
    for member in &members {
        let finished = member.saw_with("upload_finished", |seen| seen["upload_id"] == *id).await;
        assert_eq!((&finished["offset"], messages(member).len()), (&json!(5), 1));
    }
}

#[tokio::test]
async fn a_message_is_told_although_redis_dies() {
    if left_out() {
        return;
    }
    let cluster = Cluster::start_alone(Setup::default(), 2).await;
    let members = members(&cluster).await;
    cluster.services.redis.kill();
    let mut sent = vec![cluster.chat.post("without.mp4", b"without Redis").await["_id"].clone()];
    for member in &members {
        member.saw_with("new_message", |message| message["_id"] == sent[0]).await;
    }
    cluster.services.redis.start();
    sent.push(cluster.chat.post("with.mp4", b"with it again").await["_id"].clone());
    for member in &members {
        member.saw_with("new_message", |message| message["_id"] == sent[1]).await;
        assert_eq!(messages(member), sent, "in their order, and each once");
    }
}
