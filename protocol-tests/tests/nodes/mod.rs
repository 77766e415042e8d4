//! Requests to chosen nodes of a cluster.

use harness::cluster::Cluster;
use harness::content::Content;
use harness::http::{Connection, Request, Response};
use harness::{tus, wait};
use serde_json::Value;

/// A tus request of the first member to a node.
pub(crate) fn on(cluster: &Cluster, node: usize, method: &str, target: &str) -> Request {
    tus::request(&cluster.chat, &cluster.chat.alice, method, target).to(cluster.address(node))
}

/// The offset that a node tells.
pub(crate) async fn offset_on(cluster: &Cluster, node: usize, location: &str) -> u64 {
    on(cluster, node, "HEAD", location).send().await.expecting(200).number("Upload-Offset")
}

/// A PATCH of the first member to a node, without a body yet.
pub(crate) fn patch_on(cluster: &Cluster, node: usize, location: &str, offset: u64) -> Request {
    tus::patch(&cluster.chat, &cluster.chat.alice, location, offset).to(cluster.address(node))
}

/// Begins a PATCH of everything at a node, which has the upload in hand, and sends this many bytes.
pub(crate) async fn stall(
    cluster: &Cluster,
    node: usize,
    location: &str,
    content: &Content,
    sent: u64,
) -> Connection {
    let patch = patch_on(cluster, node, location, 0).header("Expect", "100-continue");
    let mut connection = patch.declared_length(content.len()).open().await;
    assert_eq!(connection.head().await.status, 100);
    connection.send(&content.slice(0..sent)).await;
    connection
}

/// Goes on as clients do until everything is there, each request to the next node: asks for the offset, and
/// sends the rest, or up to `most` bytes of it. Returns the last answer.
pub(crate) async fn finish(
    cluster: &Cluster,
    first: usize,
    location: &str,
    content: &Content,
    most: u64,
) -> Response {
    let nodes = cluster.chat.server.nodes().len();
    let mut turn = first;
    wait::until("a client gets to the end", async || {
        turn += 1;
        let head = on(cluster, turn % nodes, "HEAD", location).try_send().await.ok()?;
        assert!([200, 423].contains(&head.status), "{:?}", head.head);
        let offset = head.header("Upload-Offset")?.parse::<u64>().ok()?;
        if offset == content.len() {
            return Some(head);
        }
        let bytes = content.slice(offset..(offset + most).min(content.len()));
        let patch = patch_on(cluster, (turn + 1) % nodes, location, offset).body(bytes);
        // After a node that is away comes one that is not.
        let answer = patch.try_send().await.ok()?;
        turn += 1;
        assert!([204, 409, 423, 503].contains(&answer.status), "{:?} {}", answer.head, answer.text());
        None
    })
    .await
}

/// Checks that there is exactly one message, with these bytes, on every node, and that nothing is left over.
pub(crate) async fn is_the_only_message(cluster: &Cluster, content: &Content) -> Value {
    let chat = &cluster.chat;
    let message = chat.first_message().await;
    assert_eq!(message["sha256"], content.sha256());
    for node in chat.server.nodes() {
        let target = message["media_url"].as_str().expect("a message has a file");
        let media = chat.request(&chat.bob, "GET", target).to(node.address()).send().await.expecting(200);
        assert_eq!(harness::content::sha256(&media.body), content.sha256());
    }
    chat.check_folders().await;
    message
}
