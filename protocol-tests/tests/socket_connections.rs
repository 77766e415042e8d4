//! The beginning and end of a socket: messages that a crash left unannounced, and the expiry of its token.

use std::os::unix::process::ExitStatusExt;
use std::time::{SystemTime, UNIX_EPOCH};

use harness::chat::Chat;
use harness::content::Content;
use harness::multipart::Form;
use harness::script::Script;
use harness::server::Setup;
use harness::token::Token;
use harness::wait;
use serde_json::{Value, json};

/// Makes a message whose announcement a crash at this step prevents.
async fn left_by_a_crash(chat: &Chat, step: &str) {
    let form = Form::of("before.mp4", b"before the crash", &chat.conversation);
    _ = form.into_request(chat.one_shot(&chat.alice)).try_send().await;
    let status = chat.server.ended(wait::BOUND).await;
    assert_eq!(status.signal(), Some(9), "the server reached {step} and killed itself");
    chat.server.restart_with(Setup::default()).await;
}

/// The published uploader class takes the next `new_message` for its own message.
#[tokio::test]
async fn the_published_uploader_hears_of_its_own_message_right_after_a_crash() {
    for step in ["finalize.claimed", "finalize.committed", "publish.announced"] {
        let chat = Chat::on(Setup::default().crash_at(step)).await;
        left_by_a_crash(&chat, step).await;
        let image = Content::random(30_000);
        let path = chat.server.scratch("photo.jpg");
        image.write_to(&path);
        let config = json!({
            "url": chat.server.url(),
            "token": chat.alice.token,
            "file": path,
            "type": "image/jpeg",
            "conversation": chat.conversation,
            "caption": "mine",
        });
        let sent = Script::start("file-uploader", &config).saw("sent").await;
        assert_eq!((&sent["content"], &sent["file_name"]), (&json!("mine"), &json!("photo.jpg")), "{step}");
        assert_eq!(chat.messages().await.len(), 2);
    }
}

#[tokio::test]
async fn a_message_left_by_a_crash_is_told_to_each_member_once_as_it_connects() {
    for transports in [&["websocket"][..], &["polling"]] {
        let chat = Chat::on(Setup::default().crash_at("finalize.committed")).await;
        let back = chat.socket(&chat.bob).await;
        left_by_a_crash(&chat, "finalize.committed").await;
        let left = chat.only_message().await;
        let url = chat.server.url();
        let fresh = harness::script::socket(&url, &chat.alice.token, transports).await;
        let stranger = harness::script::socket(&url, &chat.eve.token, transports).await;
        for (member, own) in [(&back, false), (&fresh, true)] {
            let finished = member.saw("upload_finished").await;
            assert_eq!((&finished["message_id"], &finished["own"]), (&left["_id"], &json!(own)));
            assert_eq!(member.all("new_message"), std::slice::from_ref(&left), "which comes first");
        }
        // The next message is announced at once, after the one that was left.
        let next = chat.post("after.mp4", b"after the crash").await;
        for member in [&back, &fresh] {
            member.saw_with("new_message", |seen| *seen == next).await;
            assert_eq!(member.all("new_message"), [left.clone(), next.clone()]);
        }
        assert!(stranger.all("new_message").is_empty());
    }
}

fn expiring_in(secs: u64, user: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after the epoch").as_secs();
    Token::of(user).with("exp", now + secs).mint()
}

/// Starts a client that takes the next of these tokens whenever it connects, and then the last one again and
/// again. They are minted once it runs, because the first is valid for a moment only.
async fn client(chat: &Chat, transports: &[&str], tokens: impl FnOnce() -> Vec<String>) -> Script {
    let config = json!({"url": chat.server.url(), "autoConnect": false, "transports": transports});
    let mut client = Script::start("socket", &config);
    client.saw("ready").await;
    client.order(&json!({"tokens": tokens()})).await;
    client.saw("connect").await;
    client
}

#[tokio::test]
async fn a_connection_ends_with_its_token_and_comes_back_with_a_fresh_one() {
    for transports in [&["websocket"][..], &["polling"], &["polling", "websocket"]] {
        let chat = Chat::start().await;
        let bob = chat.socket(&chat.bob).await;
        let tokens = || vec![expiring_in(4, &chat.alice.name), chat.alice.token.clone()];
        let mut alice = client(&chat, transports, tokens).await;
        let disconnected = alice.saw("disconnect").await;
        assert_ne!(
            disconnected["reason"], "io server disconnect",
            "{transports:?}: clients take that for good"
        );
        wait::until_true("it is connected again", async || alice.all("connect").len() == 2).await;
        let data =
            json!({"conversation_id": chat.conversation, "file_name": "a.txt", "file_data": "aGVsbG8="});
        alice.order(&json!({"emit": "send_message", "ack": "one", "data": data})).await;
        assert_eq!(alice.saw("ack").await["answer"]["success"], true, "{transports:?}");
        bob.saw("new_message").await;
        assert!(bob.all("disconnect").is_empty(), "nobody else's connection has ended");
        assert_eq!(alice.all("connect").len(), 2);
    }
}

#[tokio::test]
async fn a_reconnection_without_a_fresh_token_is_refused() {
    let chat = Chat::start().await;
    let alice = client(&chat, &["websocket"], || vec![expiring_in(4, &chat.alice.name)]).await;
    alice.saw("disconnect").await;
    assert_eq!(alice.saw("connect_error").await["message"], "Unauthorized");
}

/// An expiry in many years is too far away for some timers.
#[tokio::test]
async fn a_token_for_ever_is_good_for_a_connection() {
    let chat = Chat::start().await;
    for exp in [json!(253_402_300_800_u64), json!(1e18), json!(u64::MAX)] {
        let token = Token::of(&chat.alice.name).with("exp", exp).mint();
        let mut alice = client(&chat, &["websocket"], || vec![token]).await;
        let data = json!({"conversation_id": chat.conversation});
        alice.order(&json!({"emit": "join_conversation", "ack": "one", "data": data})).await;
        assert_eq!(alice.saw("ack").await["answer"], json!({"success": true}));
    }
}

#[tokio::test]
async fn an_unknown_event_is_answered_and_so_is_a_bad_one() {
    let chat = Chat::start().await;
    let mut alice = chat.socket(&chat.alice).await;
    for (event, data, code, detail, id) in [
        ("typing", json!({"on": true}), "unknown_event", "Unknown event \"typing\"", Value::Null),
        (
            "sendMessage",
            json!({"client_message_id": "1"}),
            "unknown_event",
            "Unknown event \"sendMessage\"",
            json!("1"),
        ),
        ("join_conversation", json!({}), "invalid_conversation_id", "Invalid conversation_id", Value::Null),
        ("leave_conversation", json!("x"), "invalid_payload", "Invalid payload", Value::Null),
    ] {
        alice.order(&json!({"emit": event, "ack": event, "data": data})).await;
        let ack = alice.saw_with("ack", |ack| ack["of"] == event).await;
        assert_eq!(ack["answer"], json!({"success": false, "detail": detail, "code": code}));
        let told = alice.saw_with("message_error", |told| told["event"] == event).await;
        let failure = json!({"detail": detail, "code": code, "client_message_id": id, "event": event});
        assert_eq!(told, failure);
    }
    alice.forget();
    alice.order(&json!({"emit": "typing", "data": {}})).await;
    alice.saw("message_error").await;
}

/// Pages send half of an emoji, cut by `text.slice`, and empty files.
#[tokio::test]
async fn half_a_character_and_no_bytes_are_messages() {
    let chat = Chat::start().await;
    let mut alice = chat.socket(&chat.alice).await;
    for (id, data_url) in [("1", ""), ("2", "data:"), ("3", "data:image/png;base64,")] {
        let data = json!({
            "conversation_id": chat.conversation, "file_name": "a.png", "file_data": data_url,
            "content": "😀", "client_message_id": id,
        });
        alice.order(&json!({"emit": "send_message", "ack": id, "halve": "content", "data": data})).await;
        let ack = alice.saw_with("ack", |ack| ack["of"] == id).await;
        let message = &ack["answer"]["message"];
        assert_eq!((&message["content"], &message["file_size"]), (&json!("\u{fffd}"), &json!(0)), "{ack}");
        assert_eq!(chat.media(message).await.body, b"");
    }
    let data = json!({"conversation_id": chat.conversation, "file_name": "a.png", "client_message_id": "4"});
    alice.order(&json!({"emit": "send_message", "data": data})).await;
    let failure = json!({"detail": "Missing file_data", "code": "missing_file", "client_message_id": "4"});
    assert_eq!(alice.saw("message_error").await, failure);
}
