//! The life of an upload: its result, its end, its owner, and uploads without a conversation.

use harness::chat::{Chat, User, check_detail};
use harness::http::Response;
use harness::multipart::Form;
use harness::server::Setup;
use harness::token::Token;
use harness::{tus, wait};
use serde_json::{Value, json};

mod bound;

use bound::binding;

const STATUS_KEYS: [&str; 13] = [
    "client_message_id",
    "conversation_id",
    "created_at",
    "detail",
    "expires_at",
    "file_name",
    "is_partial",
    "length",
    "message",
    "mime_type",
    "offset",
    "state",
    "upload_id",
];

#[tokio::test]
async fn the_answers_to_the_last_patch_and_to_later_requests_have_the_result() {
    let chat = Chat::start().await;
    let location = tus::create(&chat, 5, &[("filename", "a.txt")]).await;
    let before = tus::head(&chat, &location).await.expecting(200);
    assert!(before.header("Chat-Message-Id").is_none());
    let last = tus::append(&chat, &location, 0, b"hello").await.expecting(204);
    let message = chat.only_message().await;
    let head = tus::head(&chat, &location).await.expecting(200);
    let repeated = tus::append(&chat, &location, 5, b"").await.expecting(204);
    for answer in [last, head, repeated] {
        check_result(&chat, &answer, &message).await;
    }
}

async fn check_result(chat: &Chat, answer: &Response, message: &Value) {
    assert_eq!(answer.number("Upload-Offset"), 5);
    assert_eq!(answer.expect("Chat-Message-Id"), message["_id"].as_str().expect("text"));
    assert!(["committed", "published"].contains(&answer.expect("Chat-Upload-State")), "{answer:?}");
    let url = answer.expect("Chat-Message-Url");
    chat.request(&chat.bob, "GET", url).send().await.expecting(200);
}

#[tokio::test]
async fn a_client_that_prefers_the_representation_gets_the_one_shots_answer() {
    let chat = Chat::start().await;
    let location = tus::create(&chat, 5, &[("filename", "a.txt")]).await;
    let prefers =
        |offset| tus::patch(&chat, &chat.alice, &location, offset).header("Prefer", "return=representation");
    let partial = prefers(0).body("hel").send().await.expecting(204);
    assert!(partial.body.is_empty(), "there is nothing to represent yet");
    let last = prefers(3).body("lo").send().await.expecting(200);
    let message = chat.only_message().await;
    assert_eq!(last.json(), json!({"success": true, "message": message}));
    assert_eq!(last.number("Upload-Offset"), 5);
    let repeated = prefers(5).send().await.expecting(200);
    assert_eq!(repeated.json()["message"], message);
}

#[tokio::test]
async fn the_status_document_follows_the_upload() {
    let chat = Chat::start().await;
    let location = tus::create(&chat, 5, &[("client_message_id", "mine"), ("filename", "holiday.mp4")]).await;
    tus::append(&chat, &location, 0, b"hel").await.expecting(204);
    let document = chat.status(&location).await.expecting(200).json();
    check_keys(&document);
    for (key, value) in [
        ("upload_id", json!(tus::id_of(&location))),
        ("state", json!("receiving")),
        ("offset", json!(3)),
        ("length", json!(5)),
        ("conversation_id", json!(chat.conversation)),
        ("client_message_id", json!("mine")),
        ("file_name", json!("holiday.mp4")),
        ("mime_type", json!("video/mp4")),
        ("message", Value::Null),
        ("detail", Value::Null),
    ] {
        assert_eq!(document[key], value, "{key}");
    }
    assert!(document["expires_at"].is_string(), "{document}");
    assert!(document["created_at"].as_str() < document["expires_at"].as_str(), "{document}");

    tus::append(&chat, &location, 3, b"lo").await.expecting(204);
    chat.upload_is(&location, "published").await;
    let document = chat.status(&location).await.json();
    check_keys(&document);
    assert_eq!((&document["offset"], &document["message"]), (&json!(5), &chat.only_message().await));
}

fn check_keys(document: &Value) {
    let keys: Vec<_> = document.as_object().expect("a document is an object").keys().collect();
    assert_eq!(keys, STATUS_KEYS);
}

#[tokio::test]
async fn a_complete_upload_can_be_read_back_by_its_owner() {
    let chat = Chat::start().await;
    let location = tus::create(&chat, 10, &[("filename", "a.txt")]).await;
    tus::append(&chat, &location, 0, b"0123456789").await.expecting(204);
    let read = |user: &User| chat.request(user, "GET", &location);
    let whole = read(&chat.alice).send().await.expecting(200);
    assert_eq!(whole.body, b"0123456789");
    let piece = read(&chat.alice).header("Range", "bytes=2-4").send().await.expecting(206);
    assert_eq!((&piece.body[..], piece.expect("Content-Range")), (&b"234"[..], "bytes 2-4/10"));
    check_detail(&read(&chat.bob).send().await, 404);
}

#[tokio::test]
async fn the_unfinished_uploads_of_a_user_are_listed() {
    let chat = Chat::start().await;
    let first = tus::create(&chat, 5, &[("filename", "a.txt")]).await;
    let second = tus::create_unbound(&chat, 7).await;
    let done = tus::create(&chat, 5, &[("filename", "c.txt")]).await;
    tus::append(&chat, &first, 0, b"he").await.expecting(204);
    tus::append(&chat, &done, 0, b"hello").await.expecting(204);
    let list = chat.request(&chat.alice, "GET", "/files").send().await.expecting(200).json().to_string();
    assert!(list.contains(tus::id_of(&first)) && list.contains(tus::id_of(&second)), "{list}");
    assert!(!list.contains(tus::id_of(&done)), "{list}");
    let others = chat.request(&chat.bob, "GET", "/files").send().await.expecting(200).json().to_string();
    assert!(!others.contains(tus::id_of(&first)), "{others}");
    check_detail(&chat.server.request("GET", "/files").send().await, 401);
}

#[tokio::test]
async fn an_upload_is_404_for_everyone_but_its_owner() {
    let chat = Chat::start().await;
    let location = tus::create(&chat, 5, &[]).await;
    for other in [&chat.bob, &chat.eve, &User::admin()] {
        let requests = [
            tus::request(&chat, other, "HEAD", &location),
            tus::patch(&chat, other, &location, 0).body("hello"),
            tus::request(&chat, other, "DELETE", &location),
            chat.request(other, "GET", &location),
            chat.request(other, "GET", &location).header("Accept", "application/json"),
        ];
        for request in requests {
            assert_eq!(request.send().await.status, 404);
        }
    }
    let binding = chat.request(&chat.bob, "POST", "/messages").json(&binding(&chat, &location));
    check_detail(&binding.send().await, 404);
    assert_eq!(tus::offset(&chat, &location).await, 0);
}

#[tokio::test]
async fn an_expired_token_of_the_owner_is_told_the_offset_and_nothing_else() {
    let chat = Chat::start().await;
    let expired = Token::of(&chat.alice.name).expired().mint();
    let location = tus::create(&chat, 5, &[("filename", "secret.txt")]).await;
    tus::append(&chat, &location, 0, b"he").await.expecting(204);
    let head = |token: &str| {
        tus::request(&chat, &chat.alice, "HEAD", &location).without("Authorization").bearer(token)
    };
    let answer = head(&expired).send().await.expecting(200);
    assert_eq!((answer.number("Upload-Offset"), answer.number("Upload-Length")), (2, 5));
    assert!(answer.header("Upload-Metadata").is_none());

    let forged = Token::of(&chat.alice.name).expired().forged().mint();
    assert_eq!(head(&forged).send().await.status, 401);
    let other = Token::of(&chat.bob.name).expired().mint();
    assert!([401, 404].contains(&head(&other).send().await.status));
    let patch = tus::patch(&chat, &chat.alice, &location, 2).without("Authorization").bearer(&expired);
    check_detail(&patch.body("llo").send().await, 401);

    tus::append(&chat, &location, 2, b"llo").await.expecting(204);
    let answer = head(&expired).send().await.expecting(200);
    assert_eq!(answer.number("Upload-Offset"), 5);
    for shown in ["Chat-Message-Id", "Chat-Message-Url", "Upload-Metadata"] {
        assert!(answer.header(shown).is_none(), "{shown}");
    }
}

#[tokio::test]
async fn a_terminated_upload_is_gone() {
    let chat = Chat::start().await;
    let location = tus::create(&chat, 5, &[]).await;
    tus::append(&chat, &location, 0, b"he").await.expecting(204);
    let delete = tus::request(&chat, &chat.alice, "DELETE", &location);
    let answer = delete.clone().send().await.expecting(204);
    assert!(answer.body.is_empty());
    assert_eq!(tus::head(&chat, &location).await.status, 404);
    check_detail(&tus::append(&chat, &location, 2, b"llo").await, 404);
    check_detail(&chat.request(&chat.alice, "GET", &location).send().await, 404);
    check_detail(&chat.status(&location).await, 404);
    check_detail(&delete.send().await, 404);
    chat.check_folders().await;
}

#[tokio::test]
async fn terminating_a_committed_upload_leaves_its_message() {
    let chat = Chat::start().await;
    let location = tus::create(&chat, 5, &[("filename", "kept.txt")]).await;
    tus::append(&chat, &location, 0, b"hello").await.expecting(204);
    tus::request(&chat, &chat.alice, "DELETE", &location).send().await.expecting(204);
    assert_eq!(tus::head(&chat, &location).await.status, 404);
    let message = chat.only_message().await;
    assert_eq!(chat.media(&message).await.body, b"hello");
    chat.check_folders().await;
}

#[tokio::test]
async fn an_upload_without_a_byte_for_too_long_expires_and_one_with_bytes_does_not() {
    let setup = Setup::default().setting("--expire-after", 2).setting("--sweep-interval", 1);
    let chat = Chat::on(setup).await;
    let committed = tus::create(&chat, 5, &[("filename", "kept.txt")]).await;
    tus::append(&chat, &committed, 0, b"hello").await.expecting(204);
    let idle = tus::create(&chat, 100_000, &[]).await;
    let busy = tus::create(&chat, 100_000, &[]).await;
    let mut offset = 0;
    wait::until_true("the idle upload expires", async || {
        tus::append(&chat, &busy, offset, b"x").await.expecting(204);
        offset += 1;
        tus::head(&chat, &idle).await.status == 410
    })
    .await;
    assert_eq!(tus::offset(&chat, &busy).await, offset, "every byte puts the end off");
    check_detail(&tus::append(&chat, &idle, 0, b"x").await, 410);
    check_detail(&chat.request(&chat.alice, "GET", &idle).send().await, 410);
    wait::until_true("expired bytes are freed", async || chat.server.folder().parts().len() <= 1).await;
    let message = chat.only_message().await;
    assert_eq!(chat.media(&message).await.body, b"hello", "what is committed does not expire");
}

#[tokio::test]
async fn three_ways_in_with_one_client_message_id_make_one_message() {
    let chat = Chat::start().await;
    let mut sender = chat.socket(&chat.alice).await;
    let location = tus::create(&chat, 5, &[("filename", "a.jpg"), ("client_message_id", "same")]).await;
    tus::append(&chat, &location, 0, b"hello").await.expecting(204);
    let message = chat.only_message().await;
    let one_shot = one_shot(&chat, "same").await.expecting(200);
    assert_eq!(one_shot.json()["message"], message);
    sender.order(&socket_send(&chat, "same")).await;
    assert_eq!(sender.saw("ack").await["answer"], json!({"success": true, "message": message}));
    assert_eq!(chat.only_message().await, message);
    chat.check_folders().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn three_ways_in_at_once_with_one_client_message_id_make_one_message() {
    let chat = Chat::start().await;
    let mut sender = chat.socket(&chat.alice).await;
    for round in 0..5 {
        let id = format!("same-{round}");
        let pairs = [("filename", "a.jpg"), ("client_message_id", &id[..])];
        let tus = async {
            let location = tus::create(&chat, 5, &pairs).await;
            _ = tus::append(&chat, &location, 0, b"hello").await;
        };
        let order = socket_send(&chat, &id);
        tokio::join!(tus, one_shot(&chat, &id), sender.order(&order));
        sender.saw_with("ack", |ack| ack["of"] == id.as_str()).await;
        wait::until_true("the message is there", async || chat.messages().await.len() > round).await;
        assert_eq!(chat.messages().await.len(), round + 1, "one message each round");
    }
    chat.check_folders().await;
}

async fn one_shot(chat: &Chat, id: &str) -> Response {
    let form = Form::of("a.jpg", b"hello", &chat.conversation).field("client_message_id", id);
    form.into_request(chat.one_shot(&chat.alice)).send().await
}

fn socket_send(chat: &Chat, id: &str) -> Value {
    json!({
        "emit": "send_message",
        "ack": id,
        "data": {
            "conversation_id": chat.conversation,
            "type": "image",
            "file_name": "a.jpg",
            "file_data": "aGVsbG8=",
            "client_message_id": id,
        },
    })
}

#[tokio::test]
async fn a_member_who_left_the_conversation_cannot_append() {
    let chat = Chat::start().await;
    let location = tus::create(&chat, 5, &[]).await;
    tus::append(&chat, &location, 0, b"he").await.expecting(204);
    chat.put_conversation(&chat.conversation, &[&chat.bob]).await.expecting(200);
    let refused = tus::append(&chat, &location, 2, b"llo").await;
    assert_eq!(check_detail(&refused, 403), "You are not a participant in this conversation");
    assert!(chat.messages().await.is_empty());
}

#[tokio::test]
async fn a_member_who_leaves_during_the_last_patch_sends_no_message() {
    let chat = Chat::start().await;
    let location = tus::create(&chat, 2000, &[]).await;
    let patch = tus::patch(&chat, &chat.alice, &location, 0).header("Expect", "100-continue");
    let mut connection = patch.declared_length(2000).open().await;
    assert_eq!(connection.head().await.status, 100, "the start of the request was judged");
    connection.send(&[1; 1000]).await;
    chat.put_conversation(&chat.conversation, &[&chat.bob]).await.expecting(200);
    connection.send(&[2; 1000]).await;
    let refused = connection.answer().await;
    check_detail(&refused, 403);
    let document = chat.status(&location).await.expecting(200).json();
    assert_eq!(document["state"], "rejected");
    assert!(chat.messages().await.is_empty());
    chat.check_folders().await;
}
