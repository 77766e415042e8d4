//! Errors have a text for people and a code for programs, on every way in.

use harness::chat::{Chat, check_code, conversation_id};
use harness::http::Request;
use harness::multipart::Form;
use harness::script::Script;
use harness::server::Setup;
use harness::tus;
use serde_json::json;

const MAX_UPLOAD: u64 = 100_000;
const MAX_ONESHOT: u64 = 1000;

async fn small_chat() -> Chat {
    let sizes = [("--max-upload-size", MAX_UPLOAD), ("--max-oneshot-size", MAX_ONESHOT)];
    let setup = sizes.into_iter().fold(Setup::default(), |setup, (flag, bytes)| setup.setting(flag, bytes));
    Chat::on(setup).await
}

#[tokio::test]
async fn every_route_says_a_code_beside_the_detail() {
    let chat = Chat::start().await;
    let (alice, here, nowhere) = (&chat.alice, &chat.conversation, conversation_id());
    let alices = |method: &str, target: &str| chat.request(alice, method, target);
    let eves = |method: &str, target: &str| chat.request(&chat.eve, method, target);
    let in_eves_name = tus::creation(&chat, &chat.eve, &format!("/conversations/{here}/files"), 5);
    let id = "507f1f77bcf86cd7994390ff";
    let cases: Vec<(Request, u16, &str)> = vec![
        (chat.server.request("GET", "/files"), 401, "missing_token"),
        (chat.server.request("GET", "/files").bearer("x"), 401, "invalid_token"),
        (alices("GET", "/nowhere"), 404, "not_found"),
        (alices("PUT", "/files"), 405, "method_not_allowed"),
        (alices("PUT", &format!("/conversations/{here}")), 403, "admin_required"),
        (alices("GET", "/conversations/x/messages"), 400, "invalid_conversation_id"),
        (alices("GET", &format!("/conversations/{nowhere}/messages")), 404, "conversation_not_found"),
        (eves("GET", &format!("/conversations/{here}/messages")), 403, "not_a_participant"),
        (alices("GET", &format!("/conversations/{here}/messages?limit=0")), 400, "invalid_query"),
        (alices("GET", "/messages/x"), 400, "invalid_message_id"),
        (alices("GET", &format!("/messages/{id}")), 404, "message_not_found"),
        (alices("GET", &format!("/uploads/chats/{id}/a.txt")), 404, "message_not_found"),
        (alices("GET", &format!("/uploads/chats/{id}/a.txt?exp=1&sig=x")), 403, "invalid_link"),
        (alices("POST", "/messages").body("{"), 400, "invalid_body"),
        (alices("POST", "/messages").json(&json!({})), 400, "missing_conversation_id"),
        (alices("POST", "/messages/upload"), 400, "invalid_form"),
        (alices("POST", "/files"), 412, "unsupported_version"),
        (tus::request(&chat, alice, "POST", "/files"), 400, "missing_header"),
        (tus::creation(&chat, alice, "/files", 5).header("Upload-Metadata", "a !"), 400, "invalid_metadata"),
        (in_eves_name, 403, "not_a_participant"),
        (tus::patch(&chat, alice, "/files/x", 0), 404, "upload_not_found"),
        (tus::request(&chat, alice, "PATCH", "/files/x"), 404, "upload_not_found"),
        (chat.server.request("GET", "/socket.io/?EIO=4&transport=polling&sid=x"), 400, "invalid_session"),
        (chat.server.request("GET", "/socket.io/?EIO=4&transport=pigeon"), 400, "invalid_session"),
        (chat.server.request("GET", "/socket.io/?EIO=4&transport=websocket"), 400, "invalid_websocket"),
    ];
    for (request, status, code) in cases {
        check_code(&request.send().await, status, code);
    }
}

#[tokio::test]
async fn an_upload_says_what_became_of_it() {
    let chat = Chat::start().await;
    let location = tus::create(&chat, 5, &[]).await;
    check_code(&tus::append(&chat, &location, 3, b"ab").await, 409, "offset_mismatch");
    check_code(&tus::append(&chat, &location, 0, b"too long").await, 413, "length_exceeded");
    let wrong = tus::patch(&chat, &chat.alice, &location, 0)
        .header("Upload-Checksum", "sha1 AAAAAAAAAAAAAAAAAAAAAAAAAAA=")
        .body(b"whole");
    check_code(&wrong.send().await, 460, "checksum_mismatch");
    let early = chat.request(&chat.alice, "GET", &location).send().await;
    check_code(&early, 409, "upload_incomplete");
    let other = "0".repeat(64);
    let location = tus::create(&chat, 5, &[("sha256", &other)]).await;
    check_code(&tus::append(&chat, &location, 0, b"whole").await, 422, "sha256_mismatch");
}

#[tokio::test]
async fn a_refusal_for_size_says_the_limit_on_every_way_in() {
    let chat = small_chat().await;
    let large = vec![b'x'; 2000];
    let creation = tus::creation_in_chat(&chat, MAX_UPLOAD + 1);
    let form = Form::of("a.txt", &large, &chat.conversation).into_request(chat.one_shot(&chat.alice));
    let unsent = Form::of("a.txt", &large, &chat.conversation)
        .into_request(chat.one_shot(&chat.alice))
        .header("Expect", "100-continue");
    let deferred = tus::request(&chat, &chat.alice, "POST", "/files").header("Upload-Defer-Length", 1);
    let location = deferred.send().await.expecting(201).expect("Location").to_owned();
    let too_much = vec![7; usize::try_from(MAX_UPLOAD).expect("fits") + 1];
    let patch = || tus::patch(&chat, &chat.alice, &location, 0);
    let cases = [
        (creation, MAX_UPLOAD),
        (form, MAX_ONESHOT),
        (unsent, MAX_ONESHOT),
        (patch().body(too_much.clone()), MAX_UPLOAD),
        (patch().header("Upload-Length", MAX_UPLOAD + 1), MAX_UPLOAD),
        (patch().chunked().body(too_much), MAX_UPLOAD),
    ];
    for (request, limit) in cases {
        let answer = request.send().await;
        let detail = check_code(&answer, 413, "file_too_large");
        assert!(detail.contains(&limit.to_string()), "{detail}");
        assert_eq!(answer.number("Tus-Max-Size"), MAX_UPLOAD);
    }
    let mut socket = chat.socket(&chat.alice).await;
    let data = json!({"conversation_id": chat.conversation, "file_data": "A".repeat(2000)});
    socket.order(&json!({"emit": "send_message", "ack": "sent", "data": data})).await;
    let answer = socket.saw("ack").await["answer"].clone();
    assert_eq!(answer["code"], "file_too_large");
    assert!(answer["detail"].as_str().expect("a string").contains(&MAX_ONESHOT.to_string()), "{answer}");
    assert_eq!(socket.saw("message_error").await["code"], "file_too_large");
}

#[tokio::test]
async fn a_refused_connection_is_told_a_code_over_every_transport() {
    let chat = Chat::start().await;
    for transports in [&["websocket"][..], &["polling"], &["polling", "websocket"]] {
        let config = json!({"url": chat.server.url(), "auth": {"token": "x"}, "transports": transports});
        let refused = Script::start("socket", &config).saw("connect_error").await;
        let data = json!({"detail": "Missing or invalid access token", "code": "unauthorized"});
        assert_eq!(refused, json!({"message": "Unauthorized", "data": data}), "{transports:?}");
    }
}
