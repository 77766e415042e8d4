//! Memory stays bounded while gigabytes pass through.

use harness::chat::Chat;
use harness::content::{Content, Digest};
use harness::heavy::alone;
use harness::http::Connection;
use harness::note::note;
use harness::{multipart, tus, wait};
use std::time::Duration;

const GIB: u64 = 1 << 30;

/// How many bytes the server may ever have resident.
const ALLOWED: u64 = 64 << 20;

/// How long an upload may take before it counts as a hang, even on a slow disk.
const BOUND: Duration = Duration::from_secs(300);

#[tokio::test(flavor = "multi_thread")]
async fn four_uploads_of_a_gigabyte_at_once_fit_into_64_mib() {
    let _alone = alone().await;
    let chat = Chat::start().await;
    let uploads = async { tokio::join!(upload(&chat), upload(&chat), upload(&chat), upload(&chat)) };
    let digests = wait::within(BOUND, "four uploads of a gigabyte", uploads).await;
    let mut sent = [digests.0, digests.1, digests.2, digests.3];
    let messages = chat.messages().await;
    let mut stored: Vec<_> =
        messages.iter().map(|message| message["sha256"].as_str().expect("a digest").to_owned()).collect();
    sent.sort();
    stored.sort();
    assert_eq!(stored, sent);
    check_memory(&chat);
    chat.check_folders().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_one_shot_of_a_gigabyte_fits_into_64_mib() {
    let _alone = alone().await;
    let chat = Chat::start().await;
    let content = Content::random(GIB);
    let before = multipart::before_file("large.mp4");
    let after = multipart::after_file(&[("conversation_id", &chat.conversation)]);
    let length = before.len() as u64 + GIB + after.len() as u64;
    let request = multipart::content_type(chat.one_shot(&chat.alice)).declared_length(length);
    let mut connection = request.open().await;
    connection.send(before.as_bytes()).await;
    let sent = stream(&mut connection, &content).await;
    connection.send(after.as_bytes()).await;
    let answer = connection.answer().await.expecting(200).json();
    assert_eq!((&answer["message"]["sha256"], &answer["message"]["file_size"]), (&sent.into(), &GIB.into()));
    check_memory(&chat);
    let message = chat.only_message().await;
    assert_eq!(chat.media_digest(&message).await, (GIB, content.sha256()));
    check_memory(&chat);
    chat.check_folders().await;
}

async fn upload(chat: &Chat) -> String {
    let content = Content::random(GIB);
    let location = tus::create(chat, GIB, &[("filename", "large.mp4")]).await;
    let patch = tus::patch(chat, &chat.alice, &location, 0).declared_length(GIB);
    let mut connection = patch.open().await;
    let digest = stream(&mut connection, &content).await;
    connection.answer().await.expecting(204);
    digest
}

async fn stream(connection: &mut Connection, content: &Content) -> String {
    let mut digest = Digest::default();
    for piece in content.pieces(0) {
        connection.send(&piece).await;
        digest.take(&piece);
    }
    digest.hex()
}

fn check_memory(chat: &Chat) {
    let peak = chat.server.peak_memory();
    note(format_args!("at most {} KiB were resident", peak >> 10));
    assert!(peak < ALLOWED, "{peak} bytes were resident");
}
