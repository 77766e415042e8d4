//! Several nodes: an upload goes on at any of them, and late bytes of one change nothing at another.

use std::time::Duration;

use harness::chat::check_code;
use harness::cluster::{Cluster, left_out};
use harness::content::Content;
use harness::http::Connection;
use harness::multipart::Form;
use harness::server::Setup;
use harness::{tus, wait};

mod nodes;

use nodes::{finish, is_the_only_message, offset_on, on, patch_on, stall};

const MIB: u64 = 1 << 20;

#[tokio::test]
async fn every_request_of_an_upload_may_go_to_another_node() {
    if left_out() {
        return;
    }
    let cluster = Cluster::start(Setup::default(), 3).await;
    let content = Content::random(20 * MIB + 7);
    let location = tus::create(&cluster.chat, content.len(), &[]).await;
    let mut offset = 0;
    for (turn, size) in [1, 4096, MIB, 6 * MIB, 9 * MIB].into_iter().enumerate() {
        let bytes = content.slice(offset..offset + size);
        patch_on(&cluster, turn % 3, &location, offset).body(bytes).send().await.expecting(204);
        offset += size;
        for node in 0..3 {
            assert_eq!(offset_on(&cluster, node, &location).await, offset, "told by node {node}");
        }
    }
    let last = patch_on(&cluster, 0, &location, offset).body(content.slice(offset..content.len()));
    let told = last.send().await.expecting(204).expect("Chat-Message-Id").to_owned();
    assert_eq!(is_the_only_message(&cluster, &content).await["_id"], told);
    for node in 0..3 {
        let head = on(&cluster, node, "HEAD", &location).send().await.expecting(200);
        assert_eq!(head.expect("Chat-Message-Id"), told);
    }
}

#[tokio::test]
async fn a_newcomer_at_another_node_takes_over_from_a_stalled_sender() {
    if left_out() {
        return;
    }
    let cluster = Cluster::start(Setup::default(), 2).await;
    let content = Content::random(10 * MIB);
    let location = tus::create(&cluster.chat, content.len(), &[]).await;
    let mut stalled = stall(&cluster, 0, &location, &content, MIB).await;
    let kept = offset_on(&cluster, 1, &location).await;
    assert!(kept <= MIB, "{kept}");
    is_displaced(&mut stalled, &content.slice(MIB..2 * MIB)).await;
    assert_eq!(offset_on(&cluster, 0, &location).await, kept, "late bytes are not taken");
    finish(&cluster, 1, &location, &content, 3 * MIB).await;
    is_the_only_message(&cluster, &content).await;
}

#[tokio::test]
async fn an_upload_goes_on_at_once_when_its_node_is_killed() {
    if left_out() {
        return;
    }
    let cluster = Cluster::start(Setup::default(), 3).await;
    let content = Content::random(10 * MIB);
    let location = tus::create(&cluster.chat, content.len(), &[]).await;
    let first = patch_on(&cluster, 0, &location, 0).body(content.slice(0..MIB));
    first.send().await.expecting(204);
    let patch = patch_on(&cluster, 0, &location, MIB).header("Expect", "100-continue");
    let mut dying = patch.declared_length(9 * MIB).open().await;
    assert_eq!(dying.head().await.status, 100);
    dying.send(&content.slice(MIB..3 * MIB)).await;
    cluster.node(0).kill().await;
    let kept = wait::within(QUICKLY, "HEAD is answered", offset_on(&cluster, 1, &location)).await;
    assert!((MIB..=3 * MIB).contains(&kept), "{kept}");
    let rest = patch_on(&cluster, 2, &location, kept).body(content.slice(kept..content.len()));
    rest.send().await.expecting(204);
    cluster.node(0).restart().await;
    is_the_only_message(&cluster, &content).await;
}

/// The bound of a takeover, which takes a quarter of a second; the machine may be busy.
const QUICKLY: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_node_that_was_stopped_and_goes_on_changes_nothing() {
    if left_out() {
        return;
    }
    let cluster = Cluster::start(Setup::default(), 2).await;
    let content = Content::random(20 * MIB);
    let location = tus::create(&cluster.chat, content.len(), &[]).await;
    // Another content, so that a byte of the stopped node would be seen.
    let other = Content::random(20 * MIB);
    let mut stopped = stall(&cluster, 0, &location, &other, 300_000).await;
    cluster.node(0).stop();
    // As much as the connection takes.
    let late = other.slice(300_000..12 * MIB);
    _ = tokio::time::timeout(Duration::from_millis(200), stopped.try_send(&late)).await;
    let kept = wait::within(QUICKLY, "HEAD is answered", offset_on(&cluster, 1, &location)).await;
    assert_eq!(kept, 0, "nothing was acknowledged or kept");
    let first = patch_on(&cluster, 1, &location, 0).body(content.slice(0..9 * MIB));
    first.send().await.expecting(204);
    cluster.node(0).go_on();
    is_displaced(&mut stopped, &[]).await;
    assert_eq!(offset_on(&cluster, 0, &location).await, 9 * MIB);
    finish(&cluster, 0, &location, &content, 6 * MIB).await;
    is_the_only_message(&cluster, &content).await;
}

/// Checks that the displaced request is answered 400 or nothing, whatever it still sends.
async fn is_displaced(connection: &mut Connection, late: &[u8]) {
    _ = connection.try_send(late).await;
    let answer = wait::bounded("the displaced request ends", connection.try_answer(false)).await;
    if let Ok(answer) = answer {
        check_code(&answer, 400, "upload_displaced");
    }
}

#[tokio::test]
async fn a_node_that_drains_keeps_every_byte_that_it_has() {
    if left_out() {
        return;
    }
    let cluster = Cluster::start(Setup::default(), 3).await;
    let content = Content::random(12 * MIB);
    let location = tus::create(&cluster.chat, content.len(), &[]).await;
    let mut sending = stall(&cluster, 0, &location, &content, 5 * MIB).await;
    cluster.node(0).terminate();
    let answer = wait::bounded("the sender is told", sending.try_answer(false)).await;
    let told = answer.ok().and_then(|answer| answer.header("Upload-Offset")?.parse::<u64>().ok());
    let kept = offset_on(&cluster, 1, &location).await;
    assert!(kept >= told.unwrap_or(0), "{told:?} was acknowledged, {kept} is there");
    finish(&cluster, 1, &location, &content, content.len()).await;
    let status = cluster.node(0).ended(wait::BOUND).await;
    assert_eq!(status.code(), Some(0), "an orderly end: {status}");
    cluster.node(0).restart().await;
    is_the_only_message(&cluster, &content).await;
}

#[tokio::test]
async fn a_one_shot_that_is_repeated_at_another_node_is_the_same_message() {
    if left_out() {
        return;
    }
    let cluster = Cluster::start(Setup::default(), 2).await;
    let (chat, content) = (&cluster.chat, Content::random(MIB));
    let send = async |node: usize| {
        let form = Form::of("clip.mp4", &content.bytes(), &chat.conversation);
        let request =
            chat.one_shot(&chat.alice).to(cluster.address(node)).header("Idempotency-Key", "clip-1");
        let answer = form.into_request(request).send().await.expecting(200).json();
        answer["message"]["_id"].as_str().expect("a message has an id").to_owned()
    };
    let (first, again) = (send(0).await, send(1).await);
    assert_eq!(first, again);
    assert_eq!(is_the_only_message(&cluster, &content).await["_id"], first);
}

#[tokio::test]
async fn an_upload_ends_at_another_node() {
    if left_out() {
        return;
    }
    let cluster = Cluster::start(Setup::default(), 2).await;
    let content = Content::random(20 * MIB);
    let location = tus::create(&cluster.chat, content.len(), &[]).await;
    let mut stalled = stall(&cluster, 0, &location, &content, 10 * MIB).await;
    on(&cluster, 1, "DELETE", &location).send().await.expecting(204);
    is_displaced(&mut stalled, &content.slice(10 * MIB..11 * MIB)).await;
    for node in 0..2 {
        on(&cluster, node, "HEAD", &location).send().await.expecting(404);
    }
    cluster.chat.check_folders().await;
}

#[tokio::test]
async fn parts_that_were_made_at_different_nodes_are_joined() {
    if left_out() {
        return;
    }
    let cluster = Cluster::start(Setup::default(), 3).await;
    let content = Content::random(30 * MIB + 11);
    let mut parts = Vec::new();
    for node in 0..3 {
        let range = node * 10 * MIB..if node == 2 { content.len() } else { (node + 1) * 10 * MIB };
        let node = usize::try_from(node).expect("a small number");
        let length = range.end - range.start;
        let creation = on(&cluster, node, "POST", "/files").header("Upload-Concat", "partial");
        let creation = creation.header("Upload-Length", length);
        let part = creation.send().await.expecting(201).expect("Location").to_owned();
        patch_on(&cluster, (node + 1) % 3, &part, 0).body(content.slice(range)).send().await.expecting(204);
        parts.push(part);
    }
    let target = format!("/conversations/{}/files", cluster.chat.conversation);
    let join = on(&cluster, 2, "POST", &target).header("Upload-Concat", format!("final;{}", parts.join(" ")));
    let location = join.send().await.expecting(201).expect("Location").to_owned();
    wait::until_true("the parts are joined", async || {
        let head = on(&cluster, 0, "HEAD", &location).send().await;
        head.status == 200 && head.header("Upload-Offset").is_some()
    })
    .await;
    for (node, part) in parts.iter().enumerate() {
        on(&cluster, (node + 2) % 3, "DELETE", part).send().await.expecting(204);
    }
    is_the_only_message(&cluster, &content).await;
}

#[tokio::test]
async fn the_limit_of_unfinished_uploads_counts_those_of_all_nodes() {
    if left_out() {
        return;
    }
    let cluster = Cluster::start(Setup::default().setting("--max-unfinished", 4), 3).await;
    let target = format!("/conversations/{}/files", cluster.chat.conversation);
    let create = |turn: usize| on(&cluster, turn % 3, "POST", &target).header("Upload-Length", 5).send();
    let mut locations = Vec::new();
    for turn in 0..4 {
        locations.push(create(turn).await.expecting(201).expect("Location").to_owned());
    }
    for turn in 0..3 {
        create(turn).await.expecting(507);
    }
    on(&cluster, 2, "DELETE", &locations[0]).send().await.expecting(204);
    create(1).await.expecting(201);
    create(2).await.expecting(507);
}
