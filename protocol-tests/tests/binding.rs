//! Uploads without a conversation, which are bound to one later.

use harness::chat::{Chat, check_detail, conversation_id};
use harness::http::Response;
use harness::tus;
use serde_json::{Value, json};

mod bound;

use bound::binding;

#[tokio::test]
async fn a_plain_tus_upload_needs_nothing_but_a_token() {
    let chat = Chat::start().await;
    let location = tus::create_unbound(&chat, 10).await;
    tus::append(&chat, &location, 0, b"01234").await.expecting(204);
    let last = tus::append(&chat, &location, 5, b"56789").await.expecting(204);
    assert_eq!(last.number("Upload-Offset"), 10);
    let head = tus::head(&chat, &location).await.expecting(200);
    assert_eq!((head.number("Upload-Offset"), head.expect("Chat-Upload-State")), (10, "complete"));
    assert!(head.header("Chat-Message-Id").is_none());
    let read = chat.request(&chat.alice, "GET", &location).send().await.expecting(200);
    assert_eq!(read.body, b"0123456789");
}

#[tokio::test]
async fn a_complete_unbound_upload_becomes_a_message_when_it_is_bound() {
    let chat = Chat::start().await;
    let location = tus::create_unbound(&chat, 5).await;
    tus::append(&chat, &location, 0, b"hello").await.expecting(204);
    let first = bind(&chat, &location).await;
    assert!((200..300).contains(&first.status), "{}", first.text());
    let message = chat.first_message().await;
    assert_eq!((&message["content"], &message["sender"]), (&json!("late"), &json!(chat.alice.name)));
    assert_eq!(chat.media(&message).await.body, b"hello");
    assert_eq!(first.json()["message"], message);
    let again = bind(&chat, &location).await;
    assert_eq!(again.json()["message"], message, "binding twice is binding once");
    let head = tus::head(&chat, &location).await.expecting(200);
    assert_eq!(head.expect("Chat-Message-Id"), message["_id"].as_str().expect("text"));
    chat.check_folders().await;
}

#[tokio::test]
async fn an_upload_may_be_bound_while_it_still_runs() {
    let chat = Chat::start().await;
    let location = tus::create_unbound(&chat, 5).await;
    tus::append(&chat, &location, 0, b"he").await.expecting(204);
    let answer = bind(&chat, &location).await;
    assert!((200..300).contains(&answer.status), "{}", answer.text());
    assert!(chat.messages().await.is_empty());
    let last = tus::append(&chat, &location, 2, b"llo").await.expecting(204);
    let message = chat.only_message().await;
    assert_eq!(last.expect("Chat-Message-Id"), message["_id"].as_str().expect("text"));
    assert_eq!(message["content"], "late");
}

#[tokio::test]
async fn a_bound_upload_that_was_killed_is_still_bound() {
    let chat = Chat::start().await;
    let location = tus::create_unbound(&chat, 5).await;
    bind(&chat, &location).await;
    chat.server.restart().await;
    tus::append(&chat, &location, 0, b"hello").await.expecting(204);
    assert_eq!(chat.only_message().await["content"], "late");
}

#[tokio::test]
async fn binding_is_checked_like_everything_else() {
    let chat = Chat::start().await;
    let location = tus::create_unbound(&chat, 5).await;
    let other = chat.another_conversation().await;
    let post = |body: &Value| chat.request(&chat.alice, "POST", "/messages").json(body);
    for (change, status) in [
        (("conversation_id", json!("nonsense")), 400),
        (("conversation_id", json!(conversation_id())), 404),
        (("upload_id", json!("nobody-knows-it")), 404),
        (("upload_id", json!(7)), 400),
        (("reply_to", json!("nonsense")), 400),
        (("client_message_id", json!("two\nlines")), 400),
    ] {
        let mut body = binding(&chat, &location);
        body[change.0] = change.1.clone();
        let answer = post(&body).send().await;
        assert_eq!(answer.status, status, "{change:?}: {}", answer.text());
        check_detail(&answer, status);
    }
    let not_alices = conversation_id();
    chat.put_conversation(&not_alices, &[&chat.bob]).await.expecting(201);
    let mut body = binding(&chat, &location);
    body["conversation_id"] = json!(not_alices);
    check_detail(&post(&body).send().await, 403);

    bind(&chat, &location).await;
    body["conversation_id"] = json!(other);
    let elsewhere = post(&body).send().await;
    assert!((400..500).contains(&elsewhere.status), "an upload becomes one message: {}", elsewhere.text());
    tus::append(&chat, &location, 0, b"hello").await.expecting(204);
    assert!(chat.messages_of(&other).await.is_empty());
    assert_eq!(chat.messages().await.len(), 1);
}

async fn bind(chat: &Chat, location: &str) -> Response {
    chat.request(&chat.alice, "POST", "/messages").json(&binding(chat, location)).send().await
}
