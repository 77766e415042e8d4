//! Socket.IO: large sends, access, answers to bad payloads, and live events.

use harness::chat::{Chat, conversation_id};
use harness::content::Content;
use harness::script::{Script, socket};
use harness::token::Token;
use harness::{tus, wait};
use serde_json::{Value, json};

/// The size of a large file: 40 MB of base64.
const LARGE: u64 = 30_000_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_send_of_40_mb_of_base64_arrives_over_websocket() {
    a_large_send_arrives(&["websocket"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_send_of_40_mb_of_base64_arrives_over_polling() {
    a_large_send_arrives(&["polling"]).await;
}

async fn a_large_send_arrives(transports: &[&str]) {
    let _alone = harness::heavy::alone().await;
    let chat = Chat::start().await;
    let member = chat.socket(&chat.bob).await;
    let mut sender = socket(&chat.server.url(), &chat.alice.token, transports).await;
    let content = Content::random(LARGE);
    content.write_to(&chat.server.scratch("large.mp4"));
    sender.order(&send_file(&chat, "large.mp4", None)).await;

    let ack = sender.saw("ack").await;
    let message = chat.only_message().await;
    assert_eq!(ack["answer"], json!({"success": true, "message": message}));
    assert_eq!((&message["type"], &message["file_size"]), (&json!("video"), &json!(LARGE)));
    assert!(chat.media(&message).await.body == content.bytes(), "the bytes are those that were sent");
    for socket in [&member, &sender] {
        told_once(&chat, socket, &message).await;
    }
    assert!(sender.all("disconnect").is_empty(), "the connection outlived the send");
    chat.check_folders().await;
}

/// Checks that a socket was told of the message once, before a marker that is sent last.
async fn told_once(chat: &Chat, socket: &Script, message: &Value) {
    let marker = chat.post("marker.txt", b"that was it").await;
    socket.saw_with("new_message", |seen| seen["_id"] == marker["_id"]).await;
    let told = socket.all("new_message");
    let of_this: Vec<_> = told.iter().filter(|seen| seen["_id"] == message["_id"]).collect();
    assert_eq!(of_this, [message]);
}

#[tokio::test]
async fn a_data_url_is_as_good_as_bare_base64() {
    let chat = Chat::start().await;
    let content = Content::random(10_000);
    content.write_to(&chat.server.scratch("photo.png"));
    let mut sender = chat.socket(&chat.alice).await;
    sender.order(&send_file(&chat, "photo.png", Some("image/png"))).await;
    assert_eq!(sender.saw("ack").await["answer"]["success"], true);
    let message = chat.only_message().await;
    assert_eq!(chat.media(&message).await.body, content.bytes());
    assert_eq!((&message["type"], &message["file_name"]), (&json!("image"), &json!("photo.png")));
}

#[tokio::test]
async fn a_send_needs_no_ack_to_become_a_message() {
    let chat = Chat::start().await;
    let member = chat.socket(&chat.bob).await;
    let mut sender = chat.socket(&chat.alice).await;
    sender.order(&json!({"emit": "send_message", "data": payload(&chat)})).await;
    let told = member.saw("new_message").await;
    assert_eq!(told, sender.saw("new_message").await);
    assert_eq!(told, chat.only_message().await);
    assert_eq!(chat.media(&told).await.body, b"hello");
    let keys = [
        ("sender", json!("alice@example.com")),
        ("content", json!("hi")),
        ("reply_to", Value::Null),
        ("conversation_id", json!(chat.conversation)),
    ];
    for (key, value) in keys {
        assert_eq!(told[key], value, "{key}");
    }
}

#[tokio::test]
async fn a_path_in_a_name_stays_out_of_the_folder() {
    let chat = Chat::start().await;
    let mut sender = chat.socket(&chat.alice).await;
    let mut data = payload(&chat);
    data["file_name"] = json!("../../../etc/pass wd.jpg");
    sender.order(&json!({"emit": "send_message", "ack": "one", "data": data})).await;
    sender.saw("ack").await;
    let message = chat.only_message().await;
    let id = message["_id"].as_str().expect("an id is text");
    assert_eq!(message["media_url"], format!("/uploads/chats/{id}/pass_wd.jpg"));
    assert_eq!(chat.server.folder().chats()[id], ["pass_wd.jpg"]);
}

#[tokio::test]
async fn the_same_client_message_id_is_the_same_message() {
    let chat = Chat::start().await;
    let mut sender = chat.socket(&chat.alice).await;
    let mut data = payload(&chat);
    data["client_message_id"] = json!("once");
    for attempt in ["first", "second"] {
        sender.order(&json!({"emit": "send_message", "ack": attempt, "data": data})).await;
    }
    let first = sender.saw_with("ack", |ack| ack["of"] == "first").await;
    let second = sender.saw_with("ack", |ack| ack["of"] == "second").await;
    assert_eq!(first["answer"], second["answer"]);
    assert_eq!(first["answer"]["message"], chat.only_message().await);
}

#[tokio::test]
async fn a_bad_payload_makes_no_message_and_is_answered() {
    let chat = Chat::start().await;
    let mut sender = chat.socket(&chat.alice).await;
    let member = chat.socket(&chat.bob).await;
    let broken = [
        ("no conversation", changed(&chat, "conversation_id", None)),
        ("a conversation that is no id", changed(&chat, "conversation_id", Some(json!("nonsense")))),
        ("an unknown conversation", changed(&chat, "conversation_id", Some(json!(conversation_id())))),
        ("a conversation that is a number", changed(&chat, "conversation_id", Some(json!(7)))),
        ("no file", changed(&chat, "file_data", None)),
        ("bytes that are no base64", changed(&chat, "file_data", Some(json!("%%%not base64%%%")))),
        ("bytes that are a number", changed(&chat, "file_data", Some(json!(12)))),
        ("a reply to nonsense", changed(&chat, "reply_to", Some(json!("nonsense")))),
        ("a client_message_id with a line break", changed(&chat, "client_message_id", Some(json!("a\nb")))),
        ("a list", json!([1, 2, 3])),
        ("a string", json!("hello")),
        ("null", Value::Null),
    ];
    for (count, (what, data)) in broken.iter().enumerate() {
        sender.order(&json!({"emit": "send_message", "ack": what, "data": data})).await;
        let ack = sender.saw_with("ack", |ack| ack["of"] == *what).await;
        check_failure(&ack["answer"], what);
        let errors = || sender.all("message_error").len();
        wait::until_true("the sender is told by an event as well", async || errors() > count).await;
    }
    let good = chat.post("marker.txt", b"x").await;
    member.saw("new_message").await;
    assert_eq!(member.all("new_message"), [good]);
    assert!(member.all("message_error").is_empty(), "a failure is the sender's alone");
    chat.check_folders().await;
}

fn check_failure(answer: &Value, what: &str) {
    assert_eq!(answer["success"], false, "{what}: {answer}");
    let detail = answer["detail"].as_str().unwrap_or_else(|| panic!("{what}: {answer}"));
    assert!(!detail.is_empty(), "{what}");
}

#[tokio::test]
async fn a_stranger_cannot_send() {
    let chat = Chat::start().await;
    let mut stranger = chat.socket(&chat.eve).await;
    stranger.order(&json!({"emit": "send_message", "ack": "one", "data": payload(&chat)})).await;
    let answer = stranger.saw("ack").await["answer"].clone();
    let detail = "You are not a participant in this conversation";
    assert_eq!(answer, json!({"success": false, "detail": detail, "code": "not_a_participant"}));
    stranger.saw("message_error").await;
    assert!(chat.messages().await.is_empty());
}

#[tokio::test]
async fn a_stranger_hears_nothing() {
    let chat = Chat::start().await;
    let mut stranger = chat.socket(&chat.eve).await;
    let room = json!({"conversation_id": chat.conversation});
    stranger.order(&json!({"emit": "join_conversation", "ack": "join", "data": room})).await;
    let other = conversation_id();
    chat.put_conversation(&other, &[&chat.alice, &chat.eve]).await.expecting(201);
    chat.post("secret.txt", b"not for eve").await;
    let sent = post_to(&chat, &other).await;
    assert_eq!(stranger.saw("new_message").await, sent, "the first that she hears is her own");
    assert_eq!(stranger.all("new_message").len(), 1);
}

async fn post_to(chat: &Chat, conversation: &str) -> Value {
    let form = harness::multipart::Form::of("for-eve.txt", b"for eve", conversation);
    form.into_request(chat.one_shot(&chat.alice)).send().await.expecting(200).json()["message"].clone()
}

#[tokio::test]
async fn members_may_join_and_leave_and_are_told_all_the_same() {
    let chat = Chat::start().await;
    let mut member = chat.socket(&chat.bob).await;
    let room = json!({"conversation_id": chat.conversation});
    for event in ["join_conversation", "leave_conversation"] {
        member.order(&json!({"emit": event, "data": room})).await;
    }
    let message = chat.post("hello.txt", b"x").await;
    assert_eq!(member.saw("new_message").await, message);
    let next = chat.post("again.txt", b"y").await;
    member.saw_with("new_message", |told| told["_id"] == next["_id"]).await;
    assert_eq!(member.all("new_message"), [message, next], "once each");
}

#[tokio::test]
async fn a_member_who_is_added_while_connected_is_told() {
    let chat = Chat::start().await;
    let newcomer = chat.socket(&chat.eve).await;
    chat.put_conversation(&chat.conversation, &[&chat.alice, &chat.bob, &chat.eve]).await.expecting(200);
    let message = chat.post("welcome.txt", b"x").await;
    assert_eq!(newcomer.saw("new_message").await, message);
}

#[tokio::test]
async fn every_place_for_a_token_is_looked_at() {
    let chat = Chat::start().await;
    let token = &chat.bob.token;
    let bearer = json!({"Authorization": format!("bearer {token}")});
    let places = [
        json!({"auth": {"token": token}}),
        json!({"auth": {"access_token": token}}),
        json!({"extraHeaders": bearer}),
        json!({"query": {"token": token}}),
    ];
    for place in places {
        for transport in ["websocket", "polling"] {
            let mut config = place.clone();
            config["url"] = json!(chat.server.url());
            config["transports"] = json!([transport]);
            let socket = Script::start("socket", &config);
            socket.saw("connect").await;
            assert!(socket.all("connect_error").is_empty(), "{config}");
        }
    }
}

#[tokio::test]
async fn without_a_good_token_there_is_no_connection() {
    let chat = Chat::start().await;
    let tokens = [
        ("no token", json!({})),
        ("nonsense", json!({"token": "nonsense"})),
        ("a number", json!({"token": 5})),
        ("expired", json!({"token": Token::of(&chat.bob.name).expired().mint()})),
        ("forged", json!({"token": Token::of(&chat.bob.name).forged().mint()})),
    ];
    for (what, auth) in tokens {
        let socket = Script::start("socket", &json!({"url": chat.server.url(), "auth": auth}));
        let refused = socket.saw("connect_error").await;
        assert_eq!(refused["message"], "Unauthorized", "{what}");
        assert_eq!(refused["data"]["code"], "unauthorized", "{what}");
        assert!(socket.all("connect").is_empty(), "{what}");
    }
}

#[tokio::test]
async fn the_members_see_an_upload_live_and_its_sender_knows_it_for_its_own() {
    let chat = Chat::start().await;
    let member = chat.socket(&chat.bob).await;
    let sender = chat.socket(&chat.alice).await;
    let stranger = chat.socket(&chat.eve).await;
    let location = tus::create(&chat, 1_000_000, &[("filename", "live.mp4")]).await;
    let started = member.saw("upload_started").await;
    check_live_event(&chat, &started, &location);

    let mut offset = 0;
    wait::until_true("progress is told while bytes come", async || {
        assert!(offset < 900_000, "progress is told before the upload is over");
        tus::append(&chat, &location, offset, &[7; 1000]).await.expecting(204);
        offset += 1000;
        !member.all("upload_progress").is_empty()
    })
    .await;
    let progress = member.saw("upload_progress").await;
    check_live_event(&chat, &progress, &location);

    let rest = vec![7; usize::try_from(1_000_000 - offset).expect("it fits")];
    tus::append(&chat, &location, offset, &rest).await.expecting(204);
    check_live_event(&chat, &member.saw("upload_finished").await, &location);
    sender.saw("upload_finished").await;
    for event in ["upload_started", "upload_progress", "upload_finished"] {
        assert!(sender.all(event).iter().all(|seen| seen["own"] == true), "{event}");
        assert!(member.all(event).iter().all(|seen| seen["own"] == false), "{event}");
        assert_eq!(sender.all(event).len(), member.all(event).len(), "{event}");
        assert!(stranger.all(event).is_empty(), "it is no stranger's business: {event}");
    }
    assert_eq!(member.all("upload_started").len(), 1);
    assert_eq!(member.all("upload_finished").len(), 1);
}

#[tokio::test]
async fn a_terminated_upload_is_told_as_cancelled() {
    let chat = Chat::start().await;
    let member = chat.socket(&chat.bob).await;
    let location = tus::create(&chat, 1000, &[("filename", "regret.mp4")]).await;
    tus::request(&chat, &chat.alice, "DELETE", &location).send().await.expecting(204);
    check_live_event(&chat, &member.saw("upload_cancelled").await, &location);
    assert!(member.all("upload_finished").is_empty());
}

fn check_live_event(chat: &Chat, event: &Value, location: &str) {
    assert_eq!(event["conversation_id"], json!(chat.conversation), "{event}");
    assert_eq!(event["upload_id"], json!(tus::id_of(location)), "{event}");
}

fn payload(chat: &Chat) -> Value {
    json!({
        "conversation_id": chat.conversation,
        "content": "hi",
        "type": "image",
        "file_name": "hello.jpg",
        "file_data": "aGVsbG8=",
        "reply_to": null,
    })
}

fn changed(chat: &Chat, key: &str, value: Option<Value>) -> Value {
    let mut data = payload(chat);
    let fields = data.as_object_mut().expect("a payload is an object");
    match value {
        Some(value) => _ = fields.insert(key.to_owned(), value),
        None => _ = fields.remove(key),
    }
    data
}

fn send_file(chat: &Chat, name: &str, data_url_of: Option<&str>) -> Value {
    let data = changed(chat, "file_name", Some(json!(name)));
    json!({
        "emit": "send_message",
        "ack": "sent",
        "file": chat.server.scratch(name),
        "dataUrlOf": data_url_of,
        "data": data,
    })
}
