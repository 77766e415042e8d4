//! Connections that die, stall or are displaced: bytes that arrived are kept, late bytes are not.

use std::time::Duration;

use harness::chat::{Chat, check_code, check_detail};
use harness::content::Content;
use harness::http::Connection;
use harness::server::Setup;
use harness::{tus, wait};
use serde_json::Value;

const MIB: u64 = 1 << 20;

/// The bound of a takeover. It takes milliseconds, but the machine may be busy.
const QUICKLY: Duration = Duration::from_secs(5);

#[tokio::test]
async fn a_newcomers_head_takes_over_from_a_stalled_patch() {
    let (chat, content) = (Chat::start().await, Content::random(10 * MIB));
    let location = tus::create(&chat, content.len(), &[]).await;
    let mut stalled = stall(&chat, &location, &content, MIB).await;
    let kept = wait::within(QUICKLY, "HEAD is answered", tus::offset(&chat, &location)).await;
    assert!(kept <= MIB, "{kept}");
    is_displaced(&mut stalled, &content.slice(MIB..2 * MIB)).await;
    assert_eq!(tus::offset(&chat, &location).await, kept, "late bytes are not taken");
    finish(&chat, &location, &content).await;
}

#[tokio::test]
async fn a_newcomers_patch_takes_over_from_a_stalled_patch() {
    let (chat, content) = (Chat::start().await, Content::random(10 * MIB));
    let location = tus::create(&chat, content.len(), &[]).await;
    let first = content.slice(0..MIB);
    tus::append(&chat, &location, 0, &first).await.expecting(204);
    let mut silent = in_hand(&chat, &location, MIB, 9 * MIB).await;
    let second = content.slice(MIB..2 * MIB);
    let newcomer = tus::append(&chat, &location, MIB, &second);
    let answer = wait::within(QUICKLY, "PATCH is answered", newcomer).await.expecting(204);
    assert_eq!(answer.number("Upload-Offset"), 2 * MIB);
    is_displaced(&mut silent, &content.slice(MIB..3 * MIB)).await;
    assert_eq!(tus::offset(&chat, &location).await, 2 * MIB);
    finish(&chat, &location, &content).await;
}

#[tokio::test]
async fn a_newcomers_delete_takes_over_from_a_stalled_patch() {
    let (chat, content) = (Chat::start().await, Content::random(10 * MIB));
    let location = tus::create(&chat, content.len(), &[]).await;
    let mut stalled = stall(&chat, &location, &content, MIB).await;
    let delete = tus::request(&chat, &chat.alice, "DELETE", &location).send();
    wait::within(QUICKLY, "DELETE is answered", delete).await.expecting(204);
    is_displaced(&mut stalled, &content.slice(MIB..2 * MIB)).await;
    assert_eq!(tus::head(&chat, &location).await.status, 404);
    chat.check_folders().await;
}

#[tokio::test]
async fn an_upload_survives_many_newcomers() {
    let (chat, content) = (Chat::start().await, Content::random(10 * MIB));
    let location = tus::create(&chat, content.len(), &[]).await;
    let mut displaced = Vec::new();
    let mut until = 0;
    for _ in 0..10 {
        let kept = wait::within(QUICKLY, "HEAD is answered", tus::offset(&chat, &location)).await;
        until = kept + 300_000;
        let patch = tus::patch(&chat, &chat.alice, &location, kept);
        let mut connection = patch.declared_length(content.len() - kept).open().await;
        connection.send(&content.slice(kept..until)).await;
        displaced.push(connection);
    }
    // The last PATCH may reach the server after this HEAD, and then its bytes are kept too: a stock client is
    // answered 409 and goes on from there.
    let offset = tus::offset(&chat, &location).await;
    let answer = tus::append(&chat, &location, offset, &content.slice(offset..content.len())).await;
    if answer.status == 409 {
        let current = answer.number("Upload-Offset");
        assert!((offset + 1..=until).contains(&current), "{offset} < {current} <= {until}");
        finish(&chat, &location, &content).await;
    } else {
        answer.expecting(204);
        finish_is_done(&chat, &content).await;
    }
}

/// Begins a PATCH of the whole content, sends this many bytes once the server has the upload in hand, and
/// stalls.
async fn stall(chat: &Chat, location: &str, content: &Content, sent: u64) -> Connection {
    let mut connection = in_hand(chat, location, 0, content.len()).await;
    connection.send(&content.slice(0..sent)).await;
    connection
}

/// Begins a PATCH and waits until it holds the upload's lease, which is when the server asks for the body:
/// before that a second request would not be a newcomer.
async fn in_hand(chat: &Chat, location: &str, offset: u64, length: u64) -> Connection {
    let patch = tus::patch(chat, &chat.alice, location, offset).header("Expect", "100-continue");
    let mut connection = patch.declared_length(length).open().await;
    assert_eq!(connection.head().await.status, 100);
    connection
}

/// Checks that the displaced request is answered 400 or nothing, whatever it still sends.
async fn is_displaced(connection: &mut Connection, late: &[u8]) {
    // The connection may be dead already, which is allowed.
    _ = connection.try_send(late).await;
    let answer = wait::bounded("the displaced request ends", connection.try_answer(false)).await;
    if let Ok(answer) = answer {
        // At any other status two live clients would retry for ever; the code tells a page that another one
        // goes on.
        check_code(&answer, 400, "upload_displaced");
    }
}

async fn finish(chat: &Chat, location: &str, content: &Content) {
    let offset = tus::offset(chat, location).await;
    tus::append(chat, location, offset, &content.slice(offset..content.len())).await.expecting(204);
    let message = chat.only_message().await;
    assert_eq!(chat.media_digest(&message).await, (content.len(), content.sha256()));
    chat.check_folders().await;
}

#[tokio::test]
async fn every_byte_before_an_orderly_end_is_kept() {
    let (chat, content) = (Chat::start().await, Content::random(MIB));
    let location = tus::create(&chat, content.len(), &[]).await;
    let mut dying = stall(&chat, &location, &content, 300_001).await;
    dying.finish().await;
    dying.gone().await;
    assert_eq!(tus::offset(&chat, &location).await, 300_001);
    finish(&chat, &location, &content).await;
}

#[tokio::test]
async fn every_byte_before_a_broken_chunk_is_kept() {
    let (chat, content) = (Chat::start().await, Content::random(MIB));
    let location = tus::create(&chat, content.len(), &[]).await;
    let mut dying = tus::patch(&chat, &chat.alice, &location, 0).chunked().open().await;
    dying.send_chunk(&content.slice(0..1000)).await;
    dying.send(b"no chunk size\r\n").await;
    dying.gone().await;
    assert_eq!(tus::offset(&chat, &location).await, 1000);
    finish(&chat, &location, &content).await;
}

#[tokio::test]
async fn what_was_recorded_before_a_reset_is_kept() {
    let (chat, content) = (Chat::start().await, Content::random(12 * MIB));
    let location = tus::create(&chat, content.len(), &[]).await;
    let dying = stall(&chat, &location, &content, 9 * MIB).await;
    let recorded = wait::until("a checkpoint is recorded", async || {
        let offset = chat.status(&location).await.expecting(200).json()["offset"].as_u64();
        offset.filter(|offset| *offset > 0)
    })
    .await;
    dying.reset();
    let kept = tus::offset(&chat, &location).await;
    assert!((recorded..=9 * MIB).contains(&kept), "{recorded} recorded, {kept} kept");
    finish(&chat, &location, &content).await;
}

#[tokio::test]
async fn reading_the_status_does_not_disturb_a_running_patch() {
    let (chat, content) = (Chat::start().await, Content::random(2 * MIB));
    let location = tus::create(&chat, content.len(), &[]).await;
    let mut running = stall(&chat, &location, &content, MIB).await;
    chat.status(&location).await.expecting(200);
    chat.request(&chat.alice, "GET", "/files").send().await.expecting(200);
    running.send(&content.slice(MIB..content.len())).await;
    assert_eq!(running.answer().await.expecting(204).number("Upload-Offset"), content.len());
    finish_is_done(&chat, &content).await;
}

async fn finish_is_done(chat: &Chat, content: &Content) {
    let message: Value = chat.only_message().await;
    assert_eq!(chat.media_digest(&message).await, (content.len(), content.sha256()));
}

#[tokio::test]
async fn a_body_that_stands_still_is_ended_and_its_bytes_are_kept() {
    let chat = Chat::on(Setup::default().setting("--idle-timeout", 1)).await;
    let content = Content::random(MIB);
    let location = tus::create(&chat, content.len(), &[]).await;
    let mut idle = stall(&chat, &location, &content, 5000).await;
    idle.gone().await;
    assert_eq!(tus::offset(&chat, &location).await, 5000);
    finish(&chat, &location, &content).await;
}

/// At a 4xx a stock client would give up for good, though no byte is lost.
#[tokio::test]
async fn a_client_whose_body_broke_off_is_told_that_it_may_go_on() {
    let chat = Chat::start().await;
    let content = Content::random(MIB);
    let location = tus::create(&chat, content.len(), &[]).await;
    let mut half_closed = stall(&chat, &location, &content, 5000).await;
    half_closed.finish().await;
    let head = half_closed.head().await;
    assert_eq!((head.status, head.header("Retry-After")), (503, Some("1")));
    assert_eq!(tus::offset(&chat, &location).await, 5000);
    finish(&chat, &location, &content).await;
}

#[tokio::test]
async fn a_one_shot_that_stands_still_leaves_nothing() {
    let chat = Chat::on(Setup::default().setting("--idle-timeout", 1)).await;
    let request = harness::multipart::content_type(chat.one_shot(&chat.alice));
    let mut idle = request.declared_length(MIB).open().await;
    idle.send(harness::multipart::before_file("a.mp4").as_bytes()).await;
    idle.send(&[7; 5000]).await;
    idle.gone().await;
    chat.check_folders().await;
    assert!(chat.messages().await.is_empty());
}

#[tokio::test]
async fn headers_that_never_end_are_not_waited_for() {
    never_ends("POST /files HT").await;
    never_ends("POST /files HTTP/1.1\r\nHost: a\r\nX-Slow: ").await;
}

#[tokio::test]
async fn a_connection_that_says_nothing_is_not_kept() {
    never_ends("").await;
}

#[tokio::test]
async fn a_connection_that_does_not_say_which_http_it_speaks_is_not_kept() {
    never_ends("PRI * HT").await;
}

async fn never_ends(beginning: &str) {
    let chat = Chat::on(Setup::default().setting("--header-timeout", 1)).await;
    let mut slow = Connection::open(chat.server.address()).await;
    slow.send(beginning.as_bytes()).await;
    slow.gone().await;
    tus::creation_in_chat(&chat, 5).send().await.expecting(201);
}

#[tokio::test]
async fn headers_without_measure_are_refused() {
    let chat = Chat::start().await;
    let huge = "x".repeat(4_000_000);
    let answer = tus::creation_in_chat(&chat, 5).header("Upload-Metadata", huge).try_send().await;
    if let Ok(answer) = answer {
        assert!((400..500).contains(&answer.status), "{}", answer.status);
    }
    check_detail(&tus::append(&chat, "/files/nobody-knows-it", 0, b"x").await, 404);
}
