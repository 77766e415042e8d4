//! One-shot uploads by real clients: fetch, axios, curl, and the chat's published example.

use std::path::Path;
use std::process::{Command, Output};

use harness::chat::{Chat, User};
use harness::content::Content;
use harness::heavy::alone;
use harness::left_out::left_out;
use harness::script::Script;
use harness::wait;
use serde_json::{Value, json};

const MIB: u64 = 1 << 20;

/// The size of the video.
const VIDEO: u64 = 256 * MIB;

#[tokio::test(flavor = "multi_thread")]
async fn a_large_video_arrives_whole_from_every_client() {
    let _alone = alone().await;
    let chat = Chat::start().await;
    let video = Content::random(VIDEO);
    let path = chat.server.scratch("holiday.mp4");
    video.write_to(&path);
    let digest = video.sha256();

    for client in ["fetch", "axios"] {
        let conversation = chat.another_conversation().await;
        let answer = answer_to(client, &chat, &path, &conversation).await;
        assert_eq!(answer["status"], 200, "{client}");
        check_video(&chat, &answer["body"], &conversation, &digest).await;
    }
    for version in ["--http1.1", "--http2-prior-knowledge"] {
        let conversation = chat.another_conversation().await;
        if left_out("curl") {
            continue;
        }
        let output = curl(&chat, &path, &conversation, version);
        let body: Value = serde_json::from_slice(&output.stdout).expect("curl printed the answer");
        check_video(&chat, &body, &conversation, &digest).await;
    }
    chat_has_no_parts(&chat).await;
}

async fn answer_to(client: &str, chat: &Chat, path: &Path, conversation: &str) -> Value {
    let config = json!({
        "url": format!("{}/messages/upload", chat.server.url()),
        "token": chat.alice.token,
        "file": path,
        "type": "video/mp4",
        "fields": {"conversation_id": conversation, "content": "look"},
    });
    let script = Script::start(client, &config);
    script.saw("answer").await
}

/// The curl command of the chat's documentation.
fn curl(chat: &Chat, path: &Path, conversation: &str, version: &str) -> Output {
    let output = Command::new("curl")
        .args(["--silent", "--show-error", "--max-time", "120", version])
        .args(["-X", "POST", &format!("{}/messages/upload", chat.server.url())])
        .args(["-H", &format!("Authorization: Bearer {}", chat.alice.token)])
        .args(["-F", &format!("file=@{}", path.display())])
        .args(["-F", &format!("conversation_id={conversation}")])
        .args(["-F", "content=look"])
        .output()
        .expect("curl can be started");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

async fn check_video(chat: &Chat, answer: &Value, conversation: &str, digest: &str) {
    assert_eq!(answer["success"], true, "{answer}");
    let messages = chat.messages_of(conversation).await;
    assert_eq!(messages, [answer["message"].clone()]);
    let message = &messages[0];
    assert_eq!((&message["type"], &message["content"]), (&json!("video"), &json!("look")));
    assert_eq!(chat.media_digest(message).await, (VIDEO, digest.to_owned()));
}

async fn chat_has_no_parts(chat: &Chat) {
    wait::until_true("no part file is left", async || chat.server.folder().parts().is_empty()).await;
}

#[tokio::test]
async fn the_published_uploader_sends_a_small_image_over_the_socket() {
    let chat = Chat::start().await;
    let member = chat.socket(&chat.bob).await;
    let image = Content::random(300_000);
    let sent = publish(&chat, &chat.alice, "photo.jpg", "image/jpeg", &image).await;
    let message = chat.only_message().await;
    assert_eq!(sent, message, "what it resolved with is the message");
    assert_eq!((&message["type"], &message["content"]), (&json!("image"), &json!("Check out this!")));
    assert_eq!(chat.media(&message).await.body, image.bytes());
    assert_eq!(member.saw("new_message").await, message);
    chat.check_folders().await;
}

#[tokio::test]
async fn the_published_uploader_sends_a_video_over_http() {
    let chat = Chat::start().await;
    let member = chat.socket(&chat.bob).await;
    let video = Content::random(6 * MIB);
    let sent = publish(&chat, &chat.alice, "clip.mp4", "video/mp4", &video).await;
    let message = chat.only_message().await;
    assert_eq!(sent, message, "what it resolved with is the message");
    assert_eq!((&message["type"], &message["content"]), (&json!("video"), &json!("Check out this!")));
    assert_eq!(chat.media(&message).await.body, video.bytes());
    assert_eq!(member.saw("new_message").await, message);
    chat.check_folders().await;
}

async fn publish(chat: &Chat, user: &User, name: &str, kind: &str, content: &Content) -> Value {
    let path = chat.server.scratch(name);
    content.write_to(&path);
    let config = json!({
        "url": chat.server.url(),
        "token": user.token,
        "file": path,
        "type": kind,
        "conversation": chat.conversation,
        "caption": "Check out this!",
    });
    let script = Script::start("file-uploader", &config);
    script.saw("sent").await
}

#[tokio::test]
async fn a_browser_like_client_can_read_a_refusal_while_it_still_sends() {
    let chat = Chat::start().await;
    let path = chat.server.scratch("refused.mp4");
    Content::random(48 * MIB).write_to(&path);
    for (url, token, status) in [
        ("/messages/upload", "no token at all", 401),
        (&format!("/messages/upload?conversation_id={}", chat.conversation), &chat.eve.token, 403),
        ("/messages/upload?conversation_id=nonsense", &chat.alice.token, 400),
    ] {
        let config = json!({
            "url": format!("{}{url}", chat.server.url()),
            "token": token,
            "file": path,
            "type": "video/mp4",
            "fields": {"conversation_id": chat.conversation},
        });
        let answer = Script::start("fetch", &config).saw("answer").await;
        assert_eq!(answer["status"], status, "{answer}");
        assert!(answer["body"]["detail"].is_string(), "{answer}");
    }
    assert!(chat.messages().await.is_empty());
    chat_has_no_parts(&chat).await;
}
