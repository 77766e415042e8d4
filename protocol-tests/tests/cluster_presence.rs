//! Several nodes: who is connected to one knows of uploads that come to another, and hears of messages in
//! their order.

use harness::cluster::{Cluster, left_out};
use harness::multipart::Form;
use harness::script::{Script, socket};
use harness::server::Setup;
use harness::{tus, wait};
use serde_json::{Value, json};

/// A socket of the second member at this node.
async fn member(cluster: &Cluster, node: usize) -> Script {
    socket(&cluster.node(node).url(), &cluster.chat.bob.token, &["websocket"]).await
}

/// The uploads to the conversation that are under way, as a node lists them for the second member.
async fn listed(cluster: &Cluster, node: usize) -> Value {
    let target = format!("/conversations/{}/uploads", cluster.chat.conversation);
    cluster.request(node, &cluster.chat.bob, "GET", &target).send().await.expecting(200).json()["uploads"]
        .clone()
}

/// A PATCH by the first member to this node.
fn patch(cluster: &Cluster, node: usize, location: &str, offset: u64) -> harness::http::Request {
    tus::patch(&cluster.chat, &cluster.chat.alice, location, offset).to(cluster.address(node))
}

#[tokio::test]
async fn members_at_every_node_hear_messages_of_all_nodes_in_one_order() {
    const EACH: usize = 12;
    if left_out() {
        return;
    }
    let cluster = Cluster::start(Setup::default(), 3).await;
    let chat = &cluster.chat;
    let members = [member(&cluster, 0).await, member(&cluster, 1).await, member(&cluster, 2).await];
    let send = async |node: usize| {
        for number in 0..EACH {
            let form = Form::of("a.mp4", format!("{node} {number}").as_bytes(), &chat.conversation);
            let request = cluster.request(node, &chat.alice, "POST", "/messages/upload");
            form.into_request(request).send().await.expecting(200);
        }
    };
    tokio::join!(send(0), send(1), send(2));
    let mut made: Vec<_> = chat.messages().await.iter().map(|message| message["_id"].clone()).collect();
    made.reverse();
    assert_eq!(made.len(), 3 * EACH);
    for member in &members {
        member.saw_with("new_message", |message| message["_id"] == made[made.len() - 1]).await;
        let heard: Vec<_> = member.all("new_message").iter().map(|message| message["_id"].clone()).collect();
        assert_eq!(heard, made, "each once, in the order of the conversation");
    }
}

#[tokio::test]
async fn who_connects_to_a_node_is_told_of_uploads_on_another() {
    if left_out() {
        return;
    }
    let cluster = Cluster::start(Setup::default(), 3).await;
    let location = tus::create(&cluster.chat, 100, &[("filename", "film.mp4")]).await;
    let mut dying = patch(&cluster, 0, &location, 0).declared_length(100).open().await;
    dying.send(&[7; 40]).await;
    dying.finish().await;
    let id = json!(tus::id_of(&location));
    wait::until_true("the node has heard that it is paused", async || {
        listed(&cluster, 1).await.as_array().is_some_and(|all| all.iter().any(|one| one["paused"] == true))
    })
    .await;
    let late = member(&cluster, 1).await;
    assert_eq!(late.saw("upload_started").await["upload_id"], id);
    let paused = late.saw("upload_paused").await;
    assert_eq!((&paused["offset"], &paused["own"]), (&json!(40), &json!(false)));

    patch(&cluster, 2, &location, 40).body(vec![7; 20]).send().await.expecting(204);
    assert_eq!(late.saw("upload_progress").await["offset"], 60, "it goes on at a third node");
    let end = tus::request(&cluster.chat, &cluster.chat.alice, "DELETE", &location).to(cluster.address(0));
    end.send().await.expecting(204);
    late.saw("upload_cancelled").await;
    assert_eq!(listed(&cluster, 1).await, json!([]));
}

#[tokio::test]
async fn an_upload_to_a_node_that_dies_is_paused_elsewhere() {
    if left_out() {
        return;
    }
    let cluster = Cluster::start(Setup::default(), 2).await;
    let member = member(&cluster, 1).await;
    let location = tus::create(&cluster.chat, 100, &[("filename", "film.mp4")]).await;
    patch(&cluster, 0, &location, 0).body(vec![7; 40]).send().await.expecting(204);
    let mut dying = patch(&cluster, 0, &location, 40).declared_length(60).open().await;
    dying.send(&[7; 20]).await;
    member.saw("upload_progress").await;
    member.forget();
    cluster.node(0).kill().await;
    member.saw("upload_paused").await;
    let kept = tus::offset(&cluster.chat, &location).await;
    let rest = vec![7; usize::try_from(100 - kept).expect("it is small")];
    patch(&cluster, 1, &location, kept).body(rest).send().await.expecting(204);
    member.saw("upload_finished").await;
    assert_eq!(member.all("new_message").len(), 1);
}
