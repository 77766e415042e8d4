use std::convert::Infallible;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use serde_json::json;
use tokio::time::timeout;

use super::*;
use crate::base_path::BasePath;
use crate::http::tests::{ADA, Answer, BOB, BODY_IDLE, CONVERSATION, Chat, EVE, MAX_ONE_SHOT};

const FORM: (&str, &str) = ("content-type", "multipart/form-data; boundary=x");
const PATH: &str = "/messages/upload";
const UNKNOWN: &str = "507f1f77bcf86cd7994390ff";
const NOT_A_PARTICIPANT: &str = "You are not a participant in this conversation";

fn text(name: &str, value: &str) -> String {
    format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
}

fn file(name: &str, bytes: &str) -> String {
    let disposition = format!("Content-Disposition: form-data; name=\"file\"; filename=\"{name}\"");
    format!("--x\r\n{disposition}\r\nContent-Type: application/octet-stream\r\n\r\n{bytes}\r\n")
}

fn form(parts: &[String]) -> String {
    format!("{}--x--\r\n", parts.concat())
}

async fn post(chat: &Chat, user: &str, body: impl Into<Body>) -> Answer {
    chat.request(Some(user), "POST", PATH, &[FORM], body).await
}

#[tokio::test]
async fn a_form_in_any_order_becomes_a_message() {
    let (file, conversation) = (file("my video.MP4", "film"), text("conversation_id", CONVERSATION));
    let rest = [
        text("content", "Check out this video!"),
        text("reply_to", UNKNOWN),
        text("client_message_id", "c 1"),
        text("unknown", "x"),
    ]
    .concat();
    for parts in [
        [file.clone(), conversation.clone(), rest.clone()],
        [conversation.clone(), rest.clone(), file.clone()],
        [rest, file, conversation],
    ] {
        let chat = Chat::new(routes()).await;
        let answer = post(&chat, ADA, form(&parts)).await;
        let stored = chat.messages().await.pop().expect("a message");
        assert_eq!(answer.status, 200);
        assert_eq!(
            answer.json(),
            json!({ "success": true, "message": stored.body(&BasePath::default(), None) })
        );
        let message = &answer.json()["message"];
        for (key, value) in [
            ("sender", json!(ADA)),
            ("content", json!("Check out this video!")),
            ("type", json!("video")),
            ("media_url", json!(format!("/uploads/chats/{}/my_video.MP4", stored.id))),
            ("reply_to", json!(UNKNOWN)),
            ("client_message_id", json!("c 1")),
            ("file_name", json!("my video.MP4")),
            ("file_size", json!(4)),
            ("mime_type", json!("video/mp4")),
        ] {
            assert_eq!(message[key], value, "{key}");
        }
        assert_eq!(chat.parts().await, 0);
    }
}

#[tokio::test]
async fn the_smallest_form_has_a_file_and_a_conversation() {
    let chat = Chat::new(routes()).await;
    let empty =
        [file("a", ""), text("conversation_id", CONVERSATION), text("content", ""), text("reply_to", "")];
    let nameless = [text("file", "bytes"), text("conversation_id", CONVERSATION)];
    for (body, name, size) in [(form(&empty), "a", 0), (form(&nameless), "file", 5)] {
        let answer = post(&chat, BOB, body).await;
        assert_eq!(answer.status, 200);
        let message = &answer.json()["message"];
        assert_eq!(message["content"], json!(null));
        assert_eq!(message["reply_to"], json!(null));
        assert_eq!((&message["file_name"], &message["file_size"]), (&json!(name), &json!(size)));
    }
    let query = format!("{PATH}?conversation_id={CONVERSATION}");
    let answer = chat.request(Some(ADA), "POST", &query, &[FORM], form(&[file("a", "b")])).await;
    assert_eq!(answer.status, 200);
}

/// A file in a field of this name.
fn file_in(field: &str, bytes: &str) -> String {
    file("film.mp4", bytes).replace("name=\"file\"", &format!("name=\"{field}\""))
}

#[tokio::test]
async fn a_file_in_another_field_is_named_whatever_its_size() {
    let here = || text("conversation_id", CONVERSATION);
    let large = "x".repeat(70_000);
    let missing = "Missing file: the field \"video\" has one, \"file\" is missing";
    let second = "The field \"video\" has another file: a message has one, in the field \"file\"";
    for (parts, status, detail) in [
        (vec![file_in("video", "film"), here()], 400, missing),
        (vec![file_in("video", ""), here()], 400, missing),
        (vec![here(), file_in("video", &large)], 400, missing),
        (vec![file_in("video", &large), file("a.mp4", "film"), here()], 400, missing),
        (vec![file_in("video", "film"), file_in("film", "film"), here()], 400, missing),
        (vec![file_in("video", "film"), file("", ""), here()], 400, missing),
        (vec![file("a.mp4", "film"), file_in("video", &large), here()], 400, second),
        (vec![text("notes", &large)], 400, "The unknown field \"notes\" is longer than 65536 bytes"),
        // No file was chosen in another field.
        (vec![text("video", ""), here()], 400, "Missing file"),
        (vec![file_in("video", "").replace("film.mp4", ""), here()], 400, "Missing file"),
        // A preview beside the file is skipped.
        (vec![file_in("video", "film"), file("a.mp4", "film"), here()], 200, ""),
        (vec![file("a.mp4", "film"), file_in("video", "film"), here()], 200, ""),
    ] {
        let chat = Chat::new(routes()).await;
        let answer = post(&chat, ADA, form(&parts)).await;
        assert_eq!(answer.status, status, "{:.200}", parts.concat());
        if status != 200 {
            assert_eq!((answer.detail(), chat.parts().await), (detail.to_owned(), 0));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_large_file_in_another_field_is_refused_before_it_ends() {
    let chat = Chat::new(routes()).await;
    let begin = Bytes::from(file_in("video", &"x".repeat(70_000)));
    let silent = stream::iter([Ok::<_, Infallible>(begin)]).chain(stream::pending());
    let answer = post(&chat, ADA, Body::from_stream(silent)).await;
    let missing = "Missing file: the field \"video\" has one, \"file\" is missing";
    assert_eq!((answer.status, answer.detail()), (400, missing.to_owned()));
}

#[tokio::test]
async fn what_is_wrong_makes_no_message_and_leaves_nothing() {
    let file = || file("a.mp4", "film");
    let conversation = |id: &str| text("conversation_id", id);
    let large = self::file("a.mp4", &"x".repeat(1001));
    let here = || conversation(CONVERSATION);
    for (user, parts, status, detail) in [
        (ADA, vec![file()], 400, "Missing conversation_id"),
        (ADA, vec![here()], 400, "Missing file"),
        (ADA, vec![], 400, "Missing file"),
        (ADA, vec![self::file("", ""), here()], 400, "Missing file"),
        (ADA, vec![text("file", ""), here()], 400, "Missing file"),
        (ADA, vec![file(), conversation("x")], 400, "Invalid conversation_id"),
        (ADA, vec![file(), conversation("")], 400, "Invalid conversation_id"),
        (ADA, vec![file(), conversation(UNKNOWN)], 404, "Conversation not found"),
        (ADA, vec![conversation(UNKNOWN), file()], 404, "Conversation not found"),
        (EVE, vec![file(), here()], 403, NOT_A_PARTICIPANT),
        (EVE, vec![here(), file()], 403, NOT_A_PARTICIPANT),
        (EVE, vec![here(), large.clone()], 403, NOT_A_PARTICIPANT),
        (ADA, vec![large, here()], 413, "The file is larger than the server accepts: at most 1000 bytes"),
        (ADA, vec![file(), file(), here()], 400, "file is given twice"),
        (ADA, vec![file(), here(), here()], 400, "conversation_id is given twice"),
        (ADA, vec![file(), here(), text("reply_to", "x")], 400, "Invalid reply_to"),
        (ADA, vec![file(), here(), text("client_message_id", "é")], 400, "Invalid client_message_id"),
        (ADA, vec![file(), here(), "hello".into()], 400, "Malformed multipart body"),
    ] {
        let chat = Chat::new(routes()).await;
        let answer = post(&chat, user, form(&parts)).await;
        assert_eq!((answer.status, answer.detail()), (status, detail.to_owned()), "{parts:?}");
        assert_eq!((chat.messages().await.len(), chat.parts().await), (0, 0), "{parts:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_can_be_refused_before_the_body_is() {
    type Refusal<'a> = (Option<&'a str>, &'a str, &'a [(&'a str, &'a str)], u16, &'a str);
    let chat = Chat::new(routes()).await;
    let too_long = (MAX_ONE_SHOT + FORM_SLACK_BYTES + 1).to_string();
    let long = ("content-length", too_long.as_str());
    let unknown = format!("?conversation_id={UNKNOWN}");
    let here = format!("?conversation_id={CONVERSATION}");
    let too_large = "The file is larger than the server accepts: at most 1000 bytes";
    let no_form = "Content-Type is not multipart/form-data with a boundary";
    let table: [Refusal<'_>; 11] = [
        (None, "", &[FORM], 401, "Missing access token"),
        (Some(ADA), "?conversation_id=x", &[FORM, long], 400, "Invalid conversation_id"),
        (Some(ADA), "?conversation_id=", &[], 400, "Invalid conversation_id"),
        (Some(ADA), &unknown, &[FORM, long], 404, "Conversation not found"),
        (Some(EVE), &here, &[FORM, long], 403, NOT_A_PARTICIPANT),
        (Some(ADA), &here, &[FORM, long], 413, too_large),
        (Some(ADA), "", &[FORM, long], 413, too_large),
        (Some(ADA), "", &[FORM, ("idempotency-key", "\u{e9}")], 400, "Invalid client_message_id"),
        (Some(ADA), "", &[], 400, no_form),
        (Some(ADA), "", &[("content-type", "application/json")], 400, no_form),
        (Some(ADA), "", &[("content-type", "multipart/form-data")], 400, no_form),
    ];
    for (user, query, headers, status, detail) in table {
        let silent = Body::from_stream(stream::pending::<Result<Bytes, Infallible>>());
        let answer = chat.request(user, "POST", &format!("{PATH}{query}"), headers, silent).await;
        assert_eq!((answer.status, answer.detail()), (status, detail.to_owned()), "{query} {headers:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_conversation_that_comes_first_is_judged_at_once() {
    let chat = Chat::new(routes()).await;
    let begin = format!("{}{}", text("conversation_id", CONVERSATION), file("a", "b"));
    let silent = stream::iter([Ok::<_, Infallible>(Bytes::from(begin))]).chain(stream::pending());
    let answer = post(&chat, EVE, Body::from_stream(silent)).await;
    assert_eq!((answer.status, answer.detail()), (403, NOT_A_PARTICIPANT.to_owned()));
    let query = format!("{PATH}?conversation_id={CONVERSATION}");
    let other = form(&[text("conversation_id", UNKNOWN)]);
    let answer = chat.request(Some(ADA), "POST", &query, &[FORM], other).await;
    assert_eq!(answer.detail(), "conversation_id in the query and in the form differ");
}

#[tokio::test]
async fn a_repeated_form_is_the_same_message() {
    let chat = Chat::new(routes()).await;
    let parts = [text("conversation_id", CONVERSATION), file("a.mp4", "film")];
    let named = form(&[parts.concat(), text("client_message_id", "one")]);
    let mut ids = Vec::new();
    for (headers, body) in [
        (vec![FORM], named.clone()),
        (vec![FORM], named.clone()),
        (vec![FORM, ("idempotency-key", "one")], form(&parts)),
        (vec![FORM, ("idempotency-key", "\"one\"")], form(&parts)),
        (vec![FORM, ("idempotency-key", "two")], named),
    ] {
        let answer = chat.request(Some(ADA), "POST", PATH, &headers, body).await;
        ids.push(answer.json()["message"]["_id"].clone());
    }
    assert!(ids[0].is_string() && ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    assert_eq!((chat.messages().await.len(), chat.parts().await), (1, 0));
}

#[tokio::test]
async fn an_empty_id_is_none() {
    let chat = Chat::new(routes()).await;
    let parts = [text("conversation_id", CONVERSATION), file("a.mp4", "film")];
    let unnamed = form(&[parts.concat(), text("client_message_id", "")]);
    for (headers, body, expected) in [
        (vec![FORM], unnamed.clone(), json!(null)),
        (vec![FORM, ("idempotency-key", "")], form(&parts), json!(null)),
        (vec![FORM, ("idempotency-key", "\"\"")], form(&parts), json!(null)),
        (vec![FORM, ("idempotency-key", "one")], unnamed, json!("one")),
    ] {
        let answer = chat.request(Some(ADA), "POST", PATH, &headers, body).await;
        assert_eq!(answer.json()["message"]["client_message_id"], expected, "{headers:?}");
    }
    assert_eq!(chat.messages().await.len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_goes_away_leaves_nothing() {
    let whole = form(&[text("conversation_id", CONVERSATION), file("a.mp4", &"x".repeat(900))]);
    let half = Bytes::copy_from_slice(&whole.as_bytes()[..whole.len() - 300]);

    let chat = Chat::new(routes()).await;
    let broken = stream::iter([Ok(half.clone()), Err(std::io::Error::other("reset"))]);
    let answer = post(&chat, ADA, Body::from_stream(broken)).await;
    assert_eq!((answer.status, answer.detail()), (400, "The request body ended early".into()));
    assert_eq!((chat.messages().await.len(), chat.parts().await), (0, 0));

    let chat = Chat::new(routes()).await;
    let silent = || stream::iter([Ok::<_, Infallible>(half.clone())]).chain(stream::pending());
    let answer = post(&chat, ADA, Body::from_stream(silent())).await;
    assert_eq!((answer.status, answer.detail()), (408, "The request body was idle for too long".into()));
    assert_eq!((chat.messages().await.len(), chat.parts().await), (0, 0));

    let chat = Chat::new(routes()).await;
    let dropped = timeout(BODY_IDLE / 2, post(&chat, ADA, Body::from_stream(silent()))).await;
    assert!(dropped.is_err(), "the handler was still waiting");
    assert_eq!((chat.messages().await.len(), chat.parts().await), (0, 0));
}

#[test]
fn a_key_may_be_quoted() {
    for (key, plain) in [("a", "a"), ("\"a b\"", "a b"), ("\"", "\""), ("\"a", "\"a"), ("\"\"", "")] {
        assert_eq!(unquoted(key), plain);
    }
}
