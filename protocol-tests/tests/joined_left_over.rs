//! Files that a final upload leaves behind when it is rejected, ended, or killed on the way.

use harness::chat::{Chat, check_detail};
use harness::content::Content;
use harness::http::Response;
use harness::note::note;
use harness::server::Setup;
use harness::{tus, wait};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::ExitStatusExt;

mod parts;

use parts::{SIZES, complete_part, ends, final_in_chat, is_told, joined, part, parts_of};

#[tokio::test]
async fn a_part_that_ends_ends_the_final_upload_that_waits_for_it() {
    let chat = Chat::start().await;
    let urls = [complete_part(&chat, b"hello").await, part(&chat, 3).await];
    let location = joined(&chat, &urls, &[]).await;
    ends(&chat, &urls[1..]).await;
    wait::until_true("the reason is told", async || tus::head(&chat, &location).await.status == 410).await;
    let repeated: Response = final_in_chat(&chat, &urls, &[]).send().await;
    check_detail(&repeated, 410);
    ends(&chat, &urls[..1]).await;
    assert!(chat.messages().await.is_empty());
    chat.check_folders().await;
}

#[tokio::test]
async fn a_final_upload_that_is_ended_leaves_its_parts() {
    let chat = Chat::start().await;
    let urls = [complete_part(&chat, b"hello ").await, part(&chat, 5).await];
    let location = joined(&chat, &urls, &[]).await;
    ends(&chat, std::slice::from_ref(&location)).await;
    assert_eq!(tus::head(&chat, &location).await.status, 404);
    tus::append(&chat, &urls[1], 0, b"world").await.expecting(204);
    let again = joined(&chat, &urls, &[]).await;
    let message = is_told(&chat, &again, 11).await;
    assert_eq!(chat.media(&message).await.body, b"hello world");
}

/// How many bytes the part files have; a file with several names counts once.
fn held(chat: &Chat) -> u64 {
    let files = chat.server.folder().parts();
    let found = files.iter().filter_map(|file| std::fs::metadata(file).ok());
    let sizes: std::collections::BTreeMap<_, _> = found.map(|file| (file.ino(), file.len())).collect();
    sizes.into_values().sum()
}

/// The final upload adopts the file of its first part and appends to it: the appended bytes go too.
#[tokio::test]
async fn a_rejected_final_upload_leaves_no_more_than_its_parts() {
    let wrong = [("sha256", "0".repeat(64))];
    let wrong = [(wrong[0].0, wrong[0].1.as_str())];
    for kill in [None, Some("reject.recorded")] {
        note(format_args!("killed at {kill:?}"));
        let setup = kill.map_or_else(Setup::default, |step| Setup::default().crash_at(step));
        let chat = Chat::on(setup).await;
        let content = Content::random(SIZES.iter().sum());
        let urls = parts_of(&chat, &content, &SIZES).await;
        if kill.is_some() {
            _ = final_in_chat(&chat, &urls, &wrong).try_send().await;
            chat.server.ended(wait::BOUND).await;
            assert!(held(&chat) > content.len(), "what the next start has to free");
            chat.server.restart_with(Setup::default()).await;
        }
        check_detail(&final_in_chat(&chat, &urls, &wrong).send().await, 422);
        if kill.is_some() {
            // The next start frees it beside the requests.
            wait::until_true("what the kill left is freed", async || held(&chat) == content.len()).await;
        }
        assert_eq!(held(&chat), content.len());
        let location = joined(&chat, &urls, &[]).await;
        let message = is_told(&chat, &location, content.len()).await;
        assert_eq!(chat.media(&message).await.body, content.bytes(), "the parts are as they were");
    }
}

#[tokio::test]
async fn a_final_upload_of_a_message_that_is_made_already_leaves_only_its_parts() {
    let chat = Chat::start().await;
    let content = Content::random(SIZES.iter().sum());
    let urls = parts_of(&chat, &content, &SIZES).await;
    let pairs = [("client_message_id", "mine")];
    let location = tus::create(&chat, content.len(), &pairs).await;
    tus::append(&chat, &location, 0, &content.bytes()).await.expecting(204);
    let answer = final_in_chat(&chat, &urls, &pairs).send().await.expecting(201);
    assert_eq!(answer.expect("Chat-Message-Id"), chat.only_message().await["_id"]);
    assert_eq!(held(&chat), content.len());
}

#[tokio::test]
async fn parts_are_joined_in_the_database_as_well() {
    let chat = Chat::on(Setup::default().setting("--payload", "sled")).await;
    let content = Content::random(SIZES.iter().sum());
    let urls = parts_of(&chat, &content, &SIZES).await;
    let location = joined(&chat, &urls, &[]).await;
    let message = is_told(&chat, &location, content.len()).await;
    assert_eq!(chat.media(&message).await.body, content.bytes());
}

/// The parts are long enough to be copied in several stretches, and there is a kill at every step.
#[tokio::test]
async fn a_join_survives_a_kill_at_every_step() {
    let sizes = [3 << 20, (65 << 20) + 7, 11];
    for step in [
        "create.recorded:4",
        "join.adopted",
        "join.recorded",
        "join.copied",
        "join.copied:2",
        "join.recorded:3",
    ] {
        note(format_args!("killed at {step}"));
        let chat = Chat::on(Setup::default().crash_at(step)).await;
        let content = Content::random(sizes.iter().sum());
        let urls = parts_of(&chat, &content, &sizes).await;
        let pairs = [("filename", "joined.bin")];
        // The answer may come before the kill, or be lost.
        _ = final_in_chat(&chat, &urls, &pairs).try_send().await;
        let status = chat.server.ended(wait::BOUND).await;
        assert_eq!(status.signal(), Some(9), "the server reached {step} and killed itself");
        chat.server.restart_with(Setup::default()).await;
        let message = chat.first_message().await;
        assert_eq!(chat.media_digest(&message).await, (content.len(), content.sha256()), "{step}");
        assert_eq!(message["sha256"], content.sha256(), "{step}");
        let location = joined(&chat, &urls, &pairs).await;
        is_told(&chat, &location, content.len()).await;
        for url in &urls {
            assert_eq!(tus::head(&chat, url).await.expecting(200).expect("Upload-Concat"), "partial");
        }
        ends(&chat, &urls).await;
        chat.check_folders().await;
    }
}
