//! `longhaul move`: a chat goes on in a cluster where its folder ended.

use std::env;

use harness::chat::Chat;
use harness::cluster::{self, Place, Services};
use harness::content::Content;
use harness::server::{Death, Setup, run_to_its_end};
use harness::tus;
use serde_json::Value;

/// The messages without their links, whose keys are the server's own.
fn without_links(mut messages: Vec<Value>) -> Vec<Value> {
    for message in &mut messages {
        message
            .as_object_mut()
            .expect("a message is an object")
            .retain(|name, _| !name.contains("url") && !name.contains("link"));
    }
    messages
}

async fn run(place: &Place, order: &str, further: &[&str]) -> Death {
    let settings = place.settings();
    let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
    run_to_its_end(&[&[order], further, &settings[..]].concat(), &Place::CREDENTIALS).await
}

/// Begins an upload and sends its first bytes; answers the path that it has on any server.
async fn begin(chat: &Chat, name: &str, bytes: &[u8], sent: usize) -> String {
    let pairs = [("filename", name), ("client_message_id", name)];
    let location = tus::create(chat, bytes.len() as u64, &pairs).await;
    tus::append(chat, &location, 0, &bytes[..sent]).await.expecting(204);
    format!("/files/{}", tus::id_of(&location))
}

#[tokio::test]
async fn a_chat_goes_on_in_a_cluster() {
    // With it, each test's server is a cluster from the beginning.
    if cluster::left_out() || env::var_os("LONGHAUL_TESTS_CLUSTER").is_some() {
        return;
    }
    let chat = Chat::on(Setup::default()).await;
    let bytes = Content::random(20_000_000).bytes();
    chat.post("small.txt", b"small").await;
    chat.post("large.bin", &bytes[..9_000_000]).await;
    let film = begin(&chat, "film.mp4", &bytes, 11_000_000).await;
    let note = begin(&chat, "note.txt", &bytes[..100], 40).await;
    let before = chat.messages().await;
    chat.server.kill().await;

    let place = Place::on(&Services::shared());
    let folder = chat.server.folder().path().to_str().expect("a path of ours is text").to_owned();
    let outcome = run(&place, "move", &["--data-dir", &folder]).await;
    assert_eq!(outcome.status.code(), Some(0), "{outcome}");

    let moved = cluster::moved(&chat, place.clone(), 2).await;
    let after = moved.messages().await;
    assert_eq!(without_links(after.clone()), without_links(before));
    assert!(moved.media(&after[0]).await.body == bytes[..9_000_000]);
    for (path, bytes, sent) in [(&film, &bytes[..], 11_000_000), (&note, &bytes[..100], 40)] {
        assert_eq!(tus::offset(&moved, path).await, sent as u64);
        tus::append(&moved, path, sent as u64, &bytes[sent..]).await.expecting(204);
    }
    let messages = moved.messages().await;
    assert_eq!(messages.len(), 4, "{messages:?}");
    assert!(moved.media(&messages[1]).await.body == bytes[..], "the film was begun there and ended here");
    let outcome = run(&place, "check", &["--deep"]).await;
    assert_eq!(outcome.status.code(), Some(0), "{outcome}");
    assert!(outcome.log.contains("4 messages: nothing is wrong"), "{outcome}");
}
