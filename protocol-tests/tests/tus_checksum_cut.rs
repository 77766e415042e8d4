//! Bytes whose checksum was not verified when their request ended: they are dropped.

use harness::chat::Chat;
use harness::checksum::checksum;
use harness::content::Content;
use harness::http::{Connection, Request};
use harness::note::note;
use harness::server::Setup;
use harness::{tus, wait};
use std::os::unix::process::ExitStatusExt;

mod checked;

use checked::{MIB, WAYS, Way, announce, damaged, index, is_made_of, patch};

#[tokio::test]
async fn a_cut_keeps_what_came_unless_a_checksum_was_open() {
    let (chat, content) = (Chat::start().await, Content::random(MIB));
    let location = tus::create(&chat, content.len(), &[]).await;
    tus::append(&chat, &location, 0, &content.slice(0..1000)).await.expecting(204);
    let sum = checksum("sha1", &content.slice(1000..content.len()));
    for checked in [
        patch(&chat, &location, 1000).header("Upload-Checksum", &sum).chunked(),
        announce(patch(&chat, &location, 1000)).chunked(),
    ] {
        for reset in [false, true] {
            let mut dying = in_hand(&checked).await;
            dying.send_chunk(&content.slice(1000..300_000)).await;
            if reset {
                dying.reset();
            } else {
                dying.finish().await;
                dying.gone().await;
            }
            assert_eq!(tus::offset(&chat, &location).await, 1000);
        }
    }
    let mut dying = patch(&chat, &location, 1000).chunked().open().await;
    dying.send_chunk(&content.slice(1000..300_000)).await;
    dying.finish().await;
    dying.gone().await;
    assert_eq!(tus::offset(&chat, &location).await, 300_000);
    let rest = content.slice(300_000..content.len());
    let last = Way::Trailer.say(patch(&chat, &location, 300_000), &rest, &checksum("sha256", &rest));
    last.send().await.expecting(204);
    is_made_of(&chat, &content).await;
}

/// Begins a request and waits until it holds the upload's lease and the server asks for the body.
async fn in_hand(request: &Request) -> Connection {
    let mut connection = request.clone().header("Expect", "100-continue").open().await;
    assert_eq!(connection.head().await.status, 100);
    connection
}

#[tokio::test]
async fn a_body_that_stands_still_with_a_checksum_open_leaves_nothing() {
    let chat = Chat::on(Setup::default().setting("--idle-timeout", 1)).await;
    let location = tus::create(&chat, 10, &[]).await;
    let mut idle = announce(patch(&chat, &location, 0)).chunked().open().await;
    idle.send_chunk(b"hello").await;
    idle.gone().await;
    assert_eq!(tus::offset(&chat, &location).await, 0);
}

#[tokio::test]
async fn a_kill_with_a_checksum_open_leaves_nothing() {
    for way in WAYS {
        for step in ["append.written", "append.written:8", "append.synced", "append.synced:2"] {
            note(format_args!("{way:?}, killed at {step}"));
            let (chat, content) =
                (Chat::on(Setup::default().crash_at(step)).await, Content::random(20 * MIB));
            let bytes = content.bytes();
            let sum = checksum("sha256", &bytes);
            let location = tus::create(&chat, content.len(), &[]).await;
            let dying = way.say(patch(&chat, &location, 0), &bytes, &sum).try_send().await;
            assert!(dying.is_err(), "{dying:?}");
            killed_and_back(&chat).await;
            assert_eq!(tus::offset(&chat, &location).await, 0);
            way.say(patch(&chat, &location, 0), &bytes, &sum).send().await.expecting(204);
            is_made_of(&chat, &content).await;
        }
    }
}

#[tokio::test]
async fn a_kill_after_the_record_keeps_what_was_checked() {
    for way in WAYS {
        let chat = Chat::on(Setup::default().crash_at("append.recorded")).await;
        let content = Content::random(9 * MIB);
        let (first, second) = (content.slice(0..8_800_000), content.slice(8_800_000..content.len()));
        let location = tus::create(&chat, content.len(), &[]).await;
        let dying = way.say(patch(&chat, &location, 0), &first, &checksum("sha1", &first)).try_send().await;
        assert!(dying.is_err(), "{dying:?}");
        killed_and_back(&chat).await;
        assert_eq!(tus::offset(&chat, &location).await, 8_800_000);
        let last = way.say(patch(&chat, &location, 8_800_000), &second, &checksum("sha1", &second));
        last.send().await.expecting(204);
        is_made_of(&chat, &content).await;
    }
}

async fn killed_and_back(chat: &Chat) {
    let status = chat.server.ended(wait::BOUND).await;
    assert_eq!(status.signal(), Some(9), "the server killed itself");
    chat.server.restart_with(Setup::default()).await;
}

#[tokio::test]
async fn draining_with_a_checksum_open_leaves_nothing() {
    let (chat, content) = (Chat::start().await, Content::random(10 * MIB));
    let location = tus::create(&chat, content.len(), &[]).await;
    let mut connection = in_hand(&announce(patch(&chat, &location, 0)).chunked()).await;
    connection.send_chunk(&content.slice(0..9 * MIB)).await;
    chat.server.terminate();
    let status = chat.server.ended(wait::BOUND).await;
    assert!(status.success(), "{status}");
    chat.server.restart().await;
    assert_eq!(tus::offset(&chat, &location).await, 0);
    let bytes = content.bytes();
    let whole = Way::Trailer.say(patch(&chat, &location, 0), &bytes, &checksum("sha512", &bytes));
    whole.send().await.expecting(204);
    is_made_of(&chat, &content).await;
}

#[tokio::test]
async fn a_request_that_is_displaced_with_a_checksum_open_leaves_nothing() {
    let (chat, content) = (Chat::start().await, Content::random(3 * MIB));
    let bytes = content.bytes();
    let location = tus::create(&chat, content.len(), &[]).await;
    let mut stalled = in_hand(&announce(patch(&chat, &location, 0)).chunked()).await;
    stalled.send_chunk(&damaged(&bytes[..index(2 * MIB)])).await;
    let newcomer = Way::Header.say(patch(&chat, &location, 0), &bytes, &checksum("md5", &bytes));
    newcomer.send().await.expecting(204);
    // The connection may be dead already, which is allowed.
    _ = stalled.try_send(b"0\r\n\r\n").await;
    if let Ok(head) = wait::bounded("the displaced request ends", stalled.try_head()).await {
        assert_eq!(head.status, 400);
    }
    is_made_of(&chat, &content).await;
}

#[tokio::test]
async fn a_wrong_checksum_and_a_newcomer_at_once_do_no_harm() {
    let (chat, content) = (Chat::start().await, Content::random(MIB));
    let bytes = content.bytes();
    let wrong = damaged(&bytes);
    for way in WAYS.into_iter().cycle().take(10) {
        let location = tus::create(&chat, content.len(), &[]).await;
        let sum = checksum("sha1", &bytes);
        let mut connection = in_hand(&way.say(patch(&chat, &location, 0), &[], &sum).chunked()).await;
        connection.send_chunk(&wrong).await;
        let end = match way {
            Way::Header => "0\r\n\r\n".to_owned(),
            Way::Trailer => format!("0\r\nUpload-Checksum: {sum}\r\n\r\n"),
        };
        let last = async {
            _ = connection.try_send(end.as_bytes()).await;
            wait::bounded("the wrong request ends", connection.try_head()).await
        };
        let newcomer = Way::Header.say(patch(&chat, &location, 0), &bytes, &sum);
        let (last, newcomer) = tokio::join!(last, newcomer.send());
        newcomer.expecting(204);
        if let Ok(head) = last {
            assert!([400, 460].contains(&head.status), "{head:?}");
        }
    }
    let messages = chat.messages().await;
    assert_eq!(messages.len(), 10);
    assert!(messages.iter().all(|message| message["sha256"] == content.sha256()));
    chat.check_folders().await;
}
