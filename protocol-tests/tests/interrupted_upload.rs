//! The main job, end to end: a stock tus client, a connection that dies, a server that is
//! killed, and exactly one message.

use harness::chat::{Chat, check_detail};
use harness::content::Content;
use harness::heavy::alone;
use harness::note::note;
use harness::proxy::{Cut, Proxy, Step};
use harness::script::Script;
use harness::server::Setup;
use harness::{tus, wait};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const MIB: u64 = 1 << 20;

/// The size of the video.
const VIDEO: u64 = 256 * MIB;

/// After how many bytes from the client the server is killed. A checkpoint lies between any two kills.
const KILLS: [u64; 4] = [30 * MIB, 90 * MIB, 150 * MIB, 210 * MIB];

/// How often the connection is cut, in addition.
const CUTS: usize = 6;

#[tokio::test(flavor = "multi_thread")]
async fn interrupted_upload_becomes_one_message_with_default_options() {
    interrupted_upload_becomes_one_message(json!({})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn interrupted_upload_becomes_one_message_in_chunks_of_5_mib() {
    interrupted_upload_becomes_one_message(json!({"chunkSize": 5 * MIB})).await;
}

async fn interrupted_upload_becomes_one_message(options: Value) {
    let _alone = alone().await;
    let chat = Chat::start().await;
    let video = Content::random(VIDEO);
    video.write_to(&chat.server.scratch("my video.mp4"));
    let sender = chat.socket(&chat.alice).await;
    let member = chat.socket(&chat.bob).await;
    let proxy = Proxy::start(chat.server.address(), plan()).await;
    let client = upload(&chat, &proxy, "my video.mp4", options);
    for _ in KILLS {
        proxy.held().await;
        chat.server.kill().await;
        chat.server.restart().await;
    }
    let success = client.saw("success").await;
    assert!(proxy.is_done(), "every cut and kill has happened on the way");

    let message = chat.only_message().await;
    assert_eq!(success["message_id"], message["_id"]);
    assert_eq!((&message["type"], &message["content"]), (&json!("video"), &json!("the whole evening")));
    let digest = video.sha256();
    assert_eq!(message["sha256"], digest);
    assert_eq!(chat.media_digest(&message).await, (VIDEO, digest));
    chat.check_folders().await;
    never_started_again(&client);
    for socket in [&member, &sender] {
        told_once(&chat, socket, &message).await;
    }
}

/// Checks that one creation was answered, and that every resume found the same upload. The client reports the
/// URL with each resume too, so the number of different URLs counts.
fn never_started_again(client: &Script) {
    let answers = client.all("answer");
    let of = |method: &'static str| answers.iter().filter(move |seen| seen["method"] == method);
    assert_eq!(of("POST").count(), 1, "the client never had to start again: {answers:?}");
    assert!(of("HEAD").count() >= KILLS.len(), "the client had to resume");
    for head in of("HEAD") {
        assert!([200, 423].map(|status| json!(status)).contains(&head["status"]), "{head}");
    }
    let urls: BTreeSet<_> = client.all("created").iter().map(|seen| seen["url"].to_string()).collect();
    assert_eq!(urls.len(), 1, "{urls:?}");
}

/// Checks that a socket was told of the video once. A marker is sent after the video: nothing can come later
/// than it.
async fn told_once(chat: &Chat, socket: &Script, message: &Value) {
    let marker = chat.post("marker.txt", b"that was it").await;
    socket.saw_with("new_message", |seen| seen["_id"] == marker["_id"]).await;
    let told = socket.all("new_message");
    let of_the_video: Vec<_> = told.iter().filter(|seen| seen["type"] == "video").collect();
    assert_eq!(of_the_video, [message]);
}

/// The network's plan: kills at fixed places, cuts at random ones; every other cut is a reset.
fn plan() -> Vec<(u64, Step)> {
    let mut plan: Vec<_> = KILLS.map(|at| (at, Step::Hold)).into();
    for number in 0..CUTS {
        let cut = if number % 2 == 0 { Cut::Reset } else { Cut::Fin };
        plan.push((random_place(), Step::Cut(cut)));
    }
    note(format_args!("the connection's fate: {plan:?}"));
    plan
}

fn random_place() -> u64 {
    let random = getrandom::u64().expect("the system has random bytes");
    MIB + random % (VIDEO - 16 * MIB)
}

fn upload(chat: &Chat, proxy: &Proxy, file: &str, options: Value) -> Script {
    let config = json!({
        "endpoint": format!("{}/conversations/{}/files", proxy.url(), chat.conversation),
        "token": chat.alice.token,
        "file": chat.server.scratch(file),
        "metadata": {
            "filename": file,
            "filetype": "video/mp4",
            "content": "the whole evening",
            "client_message_id": "evening-1",
        },
        "options": options,
    });
    Script::start("tus", &config)
}

#[tokio::test]
async fn an_upload_aborted_by_the_client_leaves_nothing() {
    let chat = Chat::start().await;
    let location = tus::create(&chat, 4 * MIB, &[("filename", "regret.mp4")]).await;
    tus::append(&chat, &location, 0, &Content::random(MIB).bytes()).await.expecting(204);
    assert_eq!(chat.server.folder().parts().len(), 1);
    tus::request(&chat, &chat.alice, "DELETE", &location).send().await.expecting(204);
    wait::until_true("the part file is gone", async || chat.server.folder().parts().is_empty()).await;
    let gone = tus::append(&chat, &location, MIB, b"more").await;
    check_detail(&gone, 404);
    assert!(chat.messages().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_payload_kept_in_sled_becomes_one_message_as_well() {
    let chat = Chat::on(Setup::default().setting("--payload", "sled")).await;
    let picture = Content::random(700_001);
    let location = tus::create(&chat, picture.len(), &[("filename", "p.png")]).await;
    tus::append(&chat, &location, 0, &picture.slice(0..300_000)).await.expecting(204);
    chat.server.restart().await;
    assert_eq!(tus::offset(&chat, &location).await, 300_000);
    let rest = picture.slice(300_000..picture.len());
    tus::append(&chat, &location, 300_000, &rest).await.expecting(204);
    chat.server.restart().await;
    let message = chat.only_message().await;
    assert_eq!(chat.media(&message).await.body, picture.bytes());
    assert_eq!(message["sha256"], picture.sha256());
    assert!(
        chat.server.folder().parts().is_empty() && chat.server.folder().chats().is_empty(),
        "no file is made"
    );
}

#[tokio::test]
async fn a_payload_too_large_for_sled_is_refused() {
    let setup = Setup::default().setting("--payload", "sled").setting("--payload-sled-max", 100_000);
    let chat = Chat::on(setup).await;
    check_detail(&tus::creation_in_chat(&chat, 100_001).send().await, 413);
    tus::creation_in_chat(&chat, 100_000).send().await.expecting(201);
}
