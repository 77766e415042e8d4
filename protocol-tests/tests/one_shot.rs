//! The one-shot upload: its exact answer, the order of its checks, and hostile forms.

use std::time::Duration;

use harness::chat::{Chat, check_detail, conversation_id};
use harness::content::{Content, sha256};
use harness::multipart::{self, BOUNDARY, Form};
use harness::proxy::{Cut, Proxy, Step};
use harness::server::Setup;
use harness::token::Token;
use harness::wait;
use serde_json::{Value, json};

const MIB: u64 = 1 << 20;

const NOT_A_PARTICIPANT: &str = "You are not a participant in this conversation";

/// The keys of a message that old clients know, and those that were added since.
const MESSAGE_KEYS: [&str; 12] = [
    "_id",
    "content",
    "conversation_id",
    "created_at",
    "edited_at",
    "is_deleted",
    "is_read",
    "media_url",
    "pinned",
    "reply_to",
    "sender",
    "type",
];
const ADDED_KEYS: [&str; 8] = [
    "client_message_id",
    "file_name",
    "file_size",
    "media_link",
    "media_link_expires_at",
    "mime_type",
    "sha256",
    "upload_id",
];

#[tokio::test]
async fn the_answer_is_exactly_the_documented_one() {
    let chat = Chat::start().await;
    let form = Form::new()
        .file("my_video.mp4", "video/mp4", b"some video")
        .field("conversation_id", &chat.conversation)
        .field("content", "Check out this video!");
    let answer = form.into_request(chat.one_shot(&chat.alice)).send().await.expecting(200).json();
    let message = &answer["message"];
    assert_eq!(answer, json!({"success": true, "message": message}));
    let keys: Vec<_> =
        message.as_object().expect("a message is an object").keys().map(String::as_str).collect();
    assert!(MESSAGE_KEYS.iter().all(|key| keys.contains(key)), "{keys:?}");
    assert!(keys.iter().all(|key| MESSAGE_KEYS.contains(key) || ADDED_KEYS.contains(key)), "{keys:?}");

    let id = message["_id"].as_str().expect("an id is text");
    assert!(id.len() == 24 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')), "{id}");
    for (key, value) in [
        ("conversation_id", json!(chat.conversation)),
        ("sender", json!("alice@example.com")),
        ("content", json!("Check out this video!")),
        ("type", json!("video")),
        ("media_url", json!(format!("/uploads/chats/{id}/my_video.mp4"))),
        ("reply_to", Value::Null),
        ("is_read", json!(false)),
        ("is_deleted", json!(false)),
        ("edited_at", Value::Null),
        ("pinned", json!(false)),
    ] {
        assert_eq!(message[key], value, "{key}");
    }
    for (key, value) in [("file_size", json!(10)), ("sha256", json!(sha256(b"some video")))] {
        assert!(message.get(key).is_none_or(|told| *told == value), "{key}: {message}");
    }
    is_a_time(message["created_at"].as_str().expect("a time is text"));
}

/// Checks a time: RFC 3339 with exactly three digits of milliseconds and `Z`.
fn is_a_time(text: &str) {
    let pattern = "dddd-dd-ddTdd:dd:dd.dddZ";
    let fits = |(byte, wanted): (u8, u8)| {
        if wanted == b'd' { byte.is_ascii_digit() } else { byte == wanted }
    };
    assert!(text.len() == pattern.len() && text.bytes().zip(pattern.bytes()).all(fits), "{text}");
}

#[tokio::test]
async fn fields_may_come_in_any_order() {
    let chat = Chat::start().await;
    let before = Form::new().field("content", "x").field("conversation_id", &chat.conversation).file(
        "a.txt",
        "text/plain",
        b"first",
    );
    let after = Form::new()
        .file("a.txt", "text/plain", b"second")
        .field("content", "x")
        .field("conversation_id", &chat.conversation);
    for form in [before, after] {
        form.into_request(chat.one_shot(&chat.alice)).send().await.expecting(200);
    }
    assert_eq!(chat.messages().await.len(), 2);
}

#[tokio::test]
async fn an_absent_or_empty_caption_is_null() {
    let chat = Chat::start().await;
    let with = |form: Form| form.into_request(chat.one_shot(&chat.alice));
    let base = Form::of("a.txt", b"x", &chat.conversation);
    for form in [base.clone(), base.clone().field("content", "").field("reply_to", "")] {
        let message = with(form).send().await.expecting(200).json()["message"].clone();
        assert_eq!((&message["content"], &message["reply_to"]), (&Value::Null, &Value::Null));
    }
    let earlier = chat.messages().await[1]["_id"].clone();
    let reply = with(base.field("reply_to", earlier.as_str().expect("an id is text")));
    assert_eq!(reply.send().await.expecting(200).json()["message"]["reply_to"], earlier);
}

#[tokio::test]
async fn checks_come_in_their_order() {
    let chat = Chat::on(Setup::default().setting("--max-oneshot-size", 1000)).await;
    let large = Content::random(2000).bytes();
    let unknown = conversation_id();
    let expired = Token::of(&chat.alice.name).expired().mint();
    let alice = Some(chat.alice.token.as_str());
    for (token, conversation, status, detail) in [
        (None, "nonsense", 401, "Missing access token"),
        (Some("nonsense"), "nonsense", 401, "Invalid or expired token"),
        (Some(expired.as_str()), "nonsense", 401, "Invalid or expired token"),
        (alice, "nonsense", 400, "Invalid conversation_id"),
        (alice, unknown.as_str(), 404, "Conversation not found"),
        (Some(chat.eve.token.as_str()), chat.conversation.as_str(), 403, NOT_A_PARTICIPANT),
    ] {
        for bytes in [&b"small"[..], &large] {
            let conversation_first =
                Form::new().field("conversation_id", conversation).file("a.bin", "text/plain", bytes);
            let target = format!("/messages/upload?conversation_id={conversation}");
            let early =
                Form::of("a.bin", bytes, conversation).into_request(chat.server.request("POST", &target));
            let first = conversation_first.into_request(chat.server.request("POST", "/messages/upload"));
            for request in [early, first] {
                let request = token.map_or(request.clone(), |token| request.bearer(token));
                assert_eq!(check_detail(&request.send().await, status), detail);
            }
        }
        let late = Form::of("a.bin", b"small", conversation)
            .into_request(chat.server.request("POST", "/messages/upload"));
        let late = token.map_or(late.clone(), |token| late.bearer(token));
        assert_eq!(check_detail(&late.send().await, status), detail);
    }
    let too_large = Form::of("a.bin", &large, &chat.conversation).into_request(chat.one_shot(&chat.alice));
    check_detail(&too_large.send().await, 413);
    assert!(chat.messages().await.is_empty());
    chat.check_folders().await;
}

#[tokio::test]
async fn a_file_of_the_largest_size_is_taken_and_one_byte_more_is_not() {
    let chat = Chat::on(Setup::default().setting("--max-oneshot-size", 1000)).await;
    let send =
        |size| Form::of("a.bin", &vec![7; size], &chat.conversation).into_request(chat.one_shot(&chat.alice));
    send(1000).send().await.expecting(200);
    check_detail(&send(1001).send().await, 413);
    check_detail(&send(1001).chunked().send().await, 413);
    assert_eq!(chat.messages().await.len(), 1);
    chat.check_folders().await;
}

#[tokio::test]
async fn a_missing_or_wrong_field_is_400_with_one_string() {
    let chat = Chat::start().await;
    let base = || Form::of("a.txt", b"x", &chat.conversation);
    for (what, form) in [
        ("nothing", Form::new()),
        ("no file", Form::new().field("conversation_id", &chat.conversation)),
        ("no conversation", Form::new().file("a.txt", "text/plain", b"x")),
        ("two files", base().file("b.txt", "text/plain", b"y")),
        ("two conversations", base().field("conversation_id", &chat.conversation)),
        ("a reply to nonsense", base().field("reply_to", "nonsense")),
        ("an id with a line break", base().field("client_message_id", "a\nb")),
        (
            "a caption that is not UTF-8",
            base().part("Content-Disposition: form-data; name=\"content\"\r\n", b"\xff"),
        ),
    ] {
        let answer = form.into_request(chat.one_shot(&chat.alice)).send().await;
        assert_eq!(answer.status, 400, "{what}: {}", answer.text());
        check_detail(&answer, 400);
    }
    let elsewhere = format!("/messages/upload?conversation_id={}", chat.another_conversation().await);
    let disagreeing = base().into_request(chat.request(&chat.alice, "POST", &elsewhere));
    check_detail(&disagreeing.send().await, 400);
    assert!(chat.messages().await.is_empty());
    chat.check_folders().await;
}

#[tokio::test]
async fn a_body_that_is_no_form_is_refused() {
    let chat = Chat::start().await;
    let whole = Form::of("a.txt", b"x", &chat.conversation);
    let unended = multipart::content_type(chat.one_shot(&chat.alice)).body(whole.clone().unfinished());
    let no_boundary =
        chat.one_shot(&chat.alice).header("Content-Type", "multipart/form-data").body(whole.end());
    for request in [
        chat.one_shot(&chat.alice),
        chat.one_shot(&chat.alice).json(&json!({"file": "x"})),
        multipart::content_type(chat.one_shot(&chat.alice)),
        multipart::content_type(chat.one_shot(&chat.alice)).body("this is no form"),
        no_boundary,
        unended,
    ] {
        let answer = request.send().await;
        assert!([400, 415].contains(&answer.status), "{} {}", answer.status, answer.text());
        check_detail(&answer, answer.status);
    }
    assert!(chat.messages().await.is_empty());
    chat.check_folders().await;
}

#[tokio::test]
async fn unknown_fields_are_no_obstacle() {
    let chat = Chat::start().await;
    let form = Form::of("a.txt", b"x", &chat.conversation).field("utm_source", "y").field("content", "z");
    form.into_request(chat.one_shot(&chat.alice)).send().await.expecting(200);
}

#[tokio::test]
async fn a_known_conversation_is_refused_before_the_file_is_sent() {
    let chat = Chat::start().await;
    let eve =
        |target: &str| multipart::content_type(chat.request(&chat.eve, "POST", target)).declared_length(MIB);
    let mut early = eve(&format!("/messages/upload?conversation_id={}", chat.conversation)).open().await;
    assert_eq!(check_detail(&early.answer().await, 403), NOT_A_PARTICIPANT);

    let mut first = eve("/messages/upload").open().await;
    let form = Form::new().field("conversation_id", &chat.conversation).unfinished();
    first.send(&form).await;
    first.send(multipart::before_file("a.mp4").as_bytes()).await;
    assert_eq!(check_detail(&first.answer().await, 403), NOT_A_PARTICIPANT);
    chat.check_folders().await;
}

#[tokio::test]
async fn a_client_that_goes_away_leaves_nothing() {
    let chat = Chat::start().await;
    for cut in [Cut::Fin, Cut::Reset] {
        let mut connection = half_sent(&chat).await;
        let folder = chat.server.folder();
        wait::until_true("the file is on its way to the disk", async || !folder.parts().is_empty()).await;
        match cut {
            Cut::Fin => {
                connection.finish().await;
                connection.gone().await;
            }
            Cut::Reset => connection.reset(),
        }
        chat.check_folders().await;
    }
    let list = chat.request(&chat.alice, "GET", "/files").send().await.expecting(200).json();
    assert!(!list.to_string().contains("upload_id"), "{list}");
    assert!(chat.messages().await.is_empty());
}

#[tokio::test]
async fn a_server_that_is_killed_in_mid_body_leaves_nothing() {
    let chat = Chat::start().await;
    let _connection = half_sent(&chat).await;
    let folder = chat.server.folder();
    wait::until_true("the file is on its way to the disk", async || !folder.parts().is_empty()).await;
    chat.server.restart().await;
    chat.check_folders().await;
    assert!(chat.messages().await.is_empty());
}

async fn half_sent(chat: &Chat) -> harness::http::Connection {
    let request = multipart::content_type(chat.one_shot(&chat.alice)).declared_length(64 * MIB);
    let mut connection = request.open().await;
    connection.send(multipart::before_file("gone.mp4").as_bytes()).await;
    connection.send(&Content::random(10 * MIB).bytes()).await;
    connection
}

#[tokio::test]
async fn a_repeated_one_shot_is_the_same_message() {
    let chat = Chat::start().await;
    let base = || Form::of("a.txt", b"x", &chat.conversation);
    let by_header = || base().into_request(chat.one_shot(&chat.alice)).header("Idempotency-Key", "key-1");
    let by_field = || base().field("client_message_id", "key-1").into_request(chat.one_shot(&chat.alice));
    let first = by_header().send().await.expecting(200).json();
    for request in [by_header(), by_field(), by_header()] {
        assert_eq!(request.send().await.expecting(200).json(), first);
    }
    assert_eq!(chat.only_message().await, first["message"]);
    chat.check_folders().await;
}

#[tokio::test]
async fn one_shots_of_one_id_at_once_are_one_message() {
    let chat = Chat::start().await;
    let send = || {
        let form = Form::of("a.txt", b"x", &chat.conversation);
        form.into_request(chat.one_shot(&chat.alice)).header("Idempotency-Key", "key-1").send()
    };
    let answers = tokio::join!(send(), send(), send(), send());
    let message = chat.only_message().await;
    for answer in [answers.0, answers.1, answers.2, answers.3] {
        // A request that came while another was under way may be told to wait, but may not make another
        // message.
        if answer.status == 200 {
            assert_eq!(answer.json()["message"], message);
        } else {
            assert!([409, 423, 503].contains(&answer.status), "{} {}", answer.status, answer.text());
        }
    }
    chat.check_folders().await;
}

#[tokio::test]
async fn a_lost_answer_is_told_again_to_the_same_key() {
    let chat = Chat::start().await;
    let proxy = Proxy::start(chat.server.address(), vec![(1000, Step::LoseAnswer)]).await;
    let form = || Form::of("a.bin", &[7; 5000], &chat.conversation);
    let through = harness::http::Request::new(proxy.address(), "POST", "/messages/upload");
    let through = through.bearer(&chat.alice.token).header("Idempotency-Key", "key-1");
    form().into_request(through).try_send().await.expect_err("the answer gets lost");
    let again = form().into_request(chat.one_shot(&chat.alice)).header("Idempotency-Key", "key-1");
    let again = again.send().await.expecting(200).json();
    assert_eq!(again["message"], chat.only_message().await);
}

/// How many MiB are poured: enough for a parser that buffers without bound to show in the process's memory.
const FLOOD: usize = 200;

#[tokio::test(flavor = "multi_thread")]
async fn a_boundary_or_a_header_that_never_ends_costs_nothing() {
    let _alone = harness::heavy::alone().await;
    let chat = Chat::start().await;
    let piece = vec![b'a'; 1 << 20];
    let almost = format!("\r\n--{}", &BOUNDARY[..BOUNDARY.len() - 1]).repeat(30_000).into_bytes();
    let header = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"");
    let headers = format!("--{BOUNDARY}\r\n");
    let field = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"content\"\r\n\r\n");
    let lines = "X-Filler: abcdefghijklmnopqrstuvwxyz\r\n".repeat(30_000).into_bytes();
    for (what, beginning, filler) in [
        ("no boundary at all", "", &piece),
        ("boundaries that are not quite one", "", &almost),
        ("a header line without an end", &header, &piece),
        ("header lines without an end", &headers, &lines),
        ("a caption without an end", &field, &piece),
    ] {
        let flood = flood(&chat, beginning, filler);
        wait::within(Duration::from_secs(30), what, flood).await;
    }
    let peak = chat.server.peak_memory();
    assert!(peak < 64 * MIB, "{peak} bytes were resident");
    chat.check_folders().await;
    chat.post("still-alive.txt", b"x").await;
}

/// Sends a beginning and a filler again and again. The server may refuse it or close the connection, but not
/// accept it.
async fn flood(chat: &Chat, beginning: &str, filler: &[u8]) {
    let length = (beginning.len() + FLOOD * filler.len()) as u64;
    let request = multipart::content_type(chat.one_shot(&chat.alice)).declared_length(length);
    let mut connection = request.open().await;
    let mut alive = connection.try_send(beginning.as_bytes()).await.is_ok();
    for _ in 0..FLOOD {
        alive = alive && connection.try_send(filler).await.is_ok();
    }
    if let Ok(answer) = connection.try_answer(false).await {
        assert!([400, 413].contains(&answer.status), "{} {}", answer.status, answer.text());
    }
}
