//! `--result-window`: a while after its message the upload ends, and the same file can be sent again, on
//! purpose or because an answer was lost.

use std::os::unix::process::ExitStatusExt;

use harness::chat::Chat;
use harness::content::Content;
use harness::note::note;
use harness::script::Script;
use harness::server::{Setup, run_to_its_end};
use harness::{tus, wait};
use serde_json::{Value, json};

const NAMED: [(&str, &str); 2] = [("filename", "clip.mp4"), ("client_message_id", "once")];

fn short() -> Setup {
    Setup::default().setting("--result-window", 1)
}

/// Settings with a short window, under which an upload is also swept away soon.
fn swept() -> Setup {
    short().setting("--expire-after", 1).setting("--sweep-interval", 1)
}

async fn is_over(chat: &Chat, location: &str) {
    wait::until_true("the upload is over", async || tus::head(chat, location).await.status == 410).await;
}

async fn sent(chat: &Chat, pairs: &[(&str, &str)], bytes: &[u8]) -> String {
    let location = tus::create(chat, bytes.len() as u64, pairs).await;
    let answer = tus::append(chat, &location, 0, bytes).await.expecting(204);
    assert!(answer.header("Chat-Message-Id").is_some(), "{answer:?}");
    location
}

#[tokio::test]
async fn the_upload_of_a_published_message_ends_and_the_message_stays() {
    let chat = Chat::on(short()).await;
    let location = sent(&chat, &[("filename", "clip.mp4")], b"hello").await;
    is_over(&chat, &location).await;
    for method in ["GET", "DELETE"] {
        assert_eq!(tus::request(&chat, &chat.alice, method, &location).send().await.status, 410, "{method}");
    }
    assert_eq!(tus::append(&chat, &location, 5, b"").await.status, 410);
    let message = chat.only_message().await;
    assert_eq!(chat.media(&message).await.body, b"hello");
    let stranger = tus::request(&chat, &chat.eve, "HEAD", &location).send().await;
    assert_eq!(stranger.status, 404, "nobody else learns that it was there");
}

#[tokio::test]
async fn an_upload_that_was_swept_leaves_only_its_message_and_its_id() {
    let chat = Chat::on(swept()).await;
    let location = sent(&chat, &NAMED, b"hello").await;
    wait::until_true("nobody knows it", async || tus::head(&chat, &location).await.status == 404).await;
    let message = chat.only_message().await;
    assert_eq!(chat.media(&message).await.body, b"hello");

    let again = tus::create(&chat, 5, &NAMED).await;
    assert_ne!(again, location);
    let answer = tus::append(&chat, &again, 0, b"hello").await.expecting(204);
    assert_eq!(answer.expect("Chat-Message-Id"), message["_id"].as_str().expect("text"));
    let other = tus::create(&chat, 5, &NAMED).await;
    tus::append(&chat, &other, 0, b"jello").await.expecting(422);
    assert_eq!(chat.only_message().await, message);
    chat.server.kill().await;
    is_found_right(&chat).await;
}

async fn is_found_right(chat: &Chat) {
    let folder = chat.server.folder();
    let path = folder.path().to_str().expect("a path of the test's own");
    let found = run_to_its_end(&["check", "--deep", "--data-dir", path], &[]).await;
    assert!(found.status.success(), "{found}");
}

#[tokio::test]
async fn a_kill_at_any_step_of_an_uploads_end_leaves_nothing_wrong() {
    for payload in ["disk", "sled"] {
        for step in ["sweep.found", "sweep.ended"] {
            note(format_args!("killed at {step}, bytes in {payload}"));
            let setup = swept().setting("--payload", payload);
            let chat = Chat::on(setup.clone().crash_at(step)).await;
            let location = sent(&chat, &NAMED, b"hello").await;
            let status = chat.server.ended(wait::BOUND).await;
            assert_eq!(status.signal(), Some(9), "the server reached {step} and killed itself");
            is_found_right(&chat).await;
            chat.server.restart_with(setup).await;
            wait::until_true("nobody knows it", async || tus::head(&chat, &location).await.status == 404)
                .await;
            let message = chat.only_message().await;
            assert_eq!(chat.media(&message).await.body, b"hello");
            chat.server.kill().await;
            is_found_right(&chat).await;
        }
    }
}

/// An upload does not end before its message is published, also where only the next server publishes it.
#[tokio::test]
async fn an_upload_does_not_end_before_its_message_is_published() {
    let chat = Chat::on(swept().crash_at("publish.announced")).await;
    let location = tus::create(&chat, 5, &NAMED).await;
    _ = tus::patch(&chat, &chat.alice, &location, 0).body("hello").try_send().await;
    assert_eq!(chat.server.ended(wait::BOUND).await.signal(), Some(9));
    chat.server.restart_with(swept()).await;
    let message = chat.first_message().await;
    let member = chat.socket(&chat.bob).await;
    wait::until_true("nobody knows it", async || tus::head(&chat, &location).await.status == 404).await;
    assert_eq!(chat.only_message().await, message);
    drop(member);
}

/// The application remembers its uploads, as tus-js-client does by default: the library finds the upload of
/// the first message, which is over, and creates another one.
#[tokio::test]
async fn a_client_that_remembers_its_upload_sends_the_file_again() {
    for library in ["tus-js-client", "tus-js-client-5"] {
        for named in [false, true] {
            note(format_args!("{library}, with a client_message_id: {named}"));
            let chat = Chat::on(short()).await;
            let (file, content) = (chat.server.scratch("clip.mp4"), Content::random(300_000));
            content.write_to(&file);
            let config = |caption: &str| {
                let mut metadata = json!({"filename": "clip.mp4", "content": caption});
                if named {
                    metadata["client_message_id"] = json!("once");
                }
                json!({
                    "library": library, "file": file, "metadata": metadata, "token": chat.alice.token,
                    "endpoint": format!("{}/conversations/{}/files", chat.server.url(), chat.conversation),
                    "urlStorage": chat.server.scratch("urls.json"), "options": {},
                })
            };
            let first = Script::start("tus", &config("first")).saw("success").await;
            is_over(&chat, first["url"].as_str().expect("a URL is text")).await;

            let client = Script::start("tus", &config("second"));
            assert_eq!(client.saw("remembered").await["uploads"], 1);
            let second = client.saw("success").await;
            let captions: Vec<Value> =
                chat.messages().await.iter().map(|message| message["content"].clone()).collect();
            if named {
                assert_eq!(second["message_id"], first["message_id"]);
                assert_eq!(captions, ["first"]);
            } else {
                assert_eq!(captions, ["second", "first"]);
            }
            for message in chat.messages().await {
                assert_eq!(message["sha256"], content.sha256());
            }
            chat.check_folders().await;
        }
    }
}
