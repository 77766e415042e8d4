//! The log: what it tells the operator, in which form, and what it never tells.

use std::collections::BTreeSet;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;

use harness::binary::longhaul;
use harness::chat::{Chat, check_detail};
use harness::http::{Connection, Response};
use harness::multipart::Form;
use harness::server::{Setup, run_to_its_end};
use harness::{tus, wait};
use serde_json::{Value, json};

const FILE: &str = "divorce-papers.pdf";
const CAPTION: &str = "caption for two";

fn in_json() -> Setup {
    Setup::default().setting("--log-format", "json")
}

/// All lines of a log in JSON; each has to be an object.
fn lines(log: &str) -> Vec<Value> {
    let parse = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    let lines: Vec<Value> = log.lines().map(parse).collect();
    assert!(lines.iter().all(Value::is_object), "{log}");
    lines
}

/// The lines with this message, once there are at least `count`.
async fn said(chat: &Chat, message: &str, count: usize) -> Vec<Value> {
    wait::until(&format!("the log says {count} times: {message}"), async || {
        let said: Vec<_> =
            lines(&chat.server.log()).into_iter().filter(|line| line["message"] == message).collect();
        (said.len() >= count).then_some(said)
    })
    .await
}

async fn send_by_socket(chat: &Chat) -> Value {
    let mut sender = chat.socket(&chat.alice).await;
    let payload = json!({
        "conversation_id": chat.conversation, "content": CAPTION, "type": "file", "file_name": FILE,
        "file_data": "aGVsbG8=",
    });
    sender.order(&json!({"emit": "send_message", "data": payload, "ack": "sent"})).await;
    sender.saw("ack").await["answer"]["message"].clone()
}

async fn send_in_one_piece(chat: &Chat) -> Value {
    let form = Form::of(FILE, b"hello", &chat.conversation).field("content", CAPTION);
    let answer = form.into_request(chat.one_shot(&chat.alice)).send().await.expecting(200);
    answer.json()["message"].clone()
}

async fn send_by_tus(chat: &Chat) -> String {
    let location = tus::create(chat, 5, &[("filename", FILE), ("content", CAPTION)]).await;
    let last = tus::append(chat, &location, 0, b"hello").await.expecting(204);
    last.expect("Chat-Message-Id").to_owned()
}

#[tokio::test]
async fn every_message_made_has_its_line_whatever_the_way_in() {
    let chat = Chat::on(in_json()).await;
    let made = [
        send_by_tus(&chat).await,
        id_of(&send_in_one_piece(&chat).await),
        id_of(&send_by_socket(&chat).await),
    ];
    let said = said(&chat, "message made", 3).await;
    let told: Vec<_> = said.iter().map(|line| line["message_id"].as_str().unwrap_or_default()).collect();
    assert_eq!(told, made);
    for line in &said {
        assert_eq!((&line["conversation"], &line["level"]), (&json!(chat.conversation), &json!("INFO")));
        assert_eq!(line["bytes"], 5, "{line}");
        assert!(line["ms"].is_u64() && line["upload"].is_string(), "{line}");
    }
    let ways: Vec<_> = said.iter().map(|line| line["span"].clone()).collect();
    assert!(ways[0]["path"].as_str().is_some_and(|path| path.starts_with("/files/")), "{ways:?}");
    assert_eq!(ways[1]["path"], "/messages/upload");
    assert_eq!(ways[2]["name"], "event");
    nothing_private(&chat);
}

fn id_of(message: &Value) -> String {
    message["_id"].as_str().expect("a message has an id").to_owned()
}

/// Checks that the log has no captions, no file names, no bytes, no user names and no secrets.
fn nothing_private(chat: &Chat) {
    let log = chat.server.log();
    let people = [&chat.alice, &chat.bob, &chat.eve];
    let secrets = people.iter().flat_map(|user| [user.token.as_str(), user.name.as_str()]);
    for secret in secrets.chain([FILE, "divorce", CAPTION, "aGVsbG8", "client-key-7", "let-me-in"]) {
        assert!(!log.contains(secret), "the log tells {secret}:\n{log}");
    }
}

#[tokio::test]
async fn uploads_that_come_to_nothing_have_their_line() {
    let chat = Chat::on(in_json().setting("--expire-after", 2).setting("--sweep-interval", "200ms")).await;
    let wrong = data_encoding::HEXLOWER.encode(&[7; 32]);
    let rejected = tus::create(&chat, 5, &[("filename", FILE), ("sha256", &wrong)]).await;
    tus::append(&chat, &rejected, 0, b"hello").await.expecting(422);
    let ended = tus::create(&chat, 500, &[("filename", FILE)]).await;
    tus::request(&chat, &chat.alice, "DELETE", &ended).send().await.expecting(204);
    let expired = tus::create(&chat, 500, &[("filename", FILE)]).await;
    tus::append(&chat, &expired, 0, b"hello").await.expecting(204);
    for (message, location, bytes) in [
        ("upload rejected", &rejected, 5),
        ("upload ended by its owner", &ended, 0),
        ("upload expired", &expired, 5),
    ] {
        let said = said(&chat, message, 1).await;
        assert_eq!((said.len(), &said[0]["upload"]), (1, &json!(tus::id_of(location))), "{said:?}");
        assert_eq!((&said[0]["bytes"], &said[0]["level"]), (&json!(bytes), &json!("INFO")), "{said:?}");
    }
    assert!(said(&chat, "upload rejected", 1).await[0]["reason"].is_string());
    nothing_private(&chat);
}

#[tokio::test]
async fn refusals_have_a_target_of_their_own_and_say_why() {
    let chat = Chat::on(in_json()).await;
    let refused = refusals(&chat).await;
    let said = said(&chat, "request refused", refused.len()).await;
    let told: Vec<_> = said
        .iter()
        .map(|line| (line["status"].as_u64(), line["detail"].as_str().unwrap_or_default()))
        .collect();
    let expected: Vec<_> =
        refused.iter().map(|(status, detail)| (Some(u64::from(*status)), detail.as_str())).collect();
    assert_eq!(told, expected);
    assert!(said.iter().all(|line| line["target"] == "longhaul::refused"), "{said:?}");
    assert!(said.iter().all(|line| line["span"]["method"].is_string() && line["span"]["path"].is_string()));
    nothing_private(&chat);
}

/// Sends requests that are refused, and returns the status and the detail of each answer.
async fn refusals(chat: &Chat) -> Vec<(u16, String)> {
    let server = &chat.server;
    let media = format!("/uploads/chats/{}/{FILE}", "5".repeat(24));
    let form = |user| {
        let form = Form::of(FILE, b"hello", &chat.conversation).field("content", CAPTION);
        form.into_request(chat.one_shot(user)).send()
    };
    let answers: [Response; 8] = [
        server.request("GET", "/files").send().await,
        server.request("GET", &format!("{media}?token=let-me-in")).bearer("let-me-in").send().await,
        chat.request(&chat.alice, "GET", &media).send().await,
        chat.request(&chat.alice, "GET", &format!("/{FILE}")).send().await,
        chat.request(&chat.alice, "PUT", "/files").send().await,
        form(&chat.eve).await,
        tus::creation(chat, &chat.alice, "/files", u64::MAX / 4).send().await,
        chat.request(&chat.alice, "POST", "/files").send().await,
    ];
    let statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses, [401, 401, 404, 404, 405, 403, 413, 412]);
    answers.iter().map(|answer| (answer.status, check_detail(answer, answer.status))).collect()
}

#[tokio::test]
async fn a_socket_that_is_refused_has_its_line() {
    let chat = Chat::on(in_json()).await;
    let mut sender = chat.socket(&chat.eve).await;
    let payload = json!({
        "conversation_id": chat.conversation, "content": CAPTION, "type": "file", "file_name": FILE,
        "file_data": "aGVsbG8=", "client_message_id": "client-key-7",
    });
    sender.order(&json!({"emit": "send_message", "data": payload})).await;
    sender.saw("message_error").await;
    let said = said(&chat, "event refused", 1).await;
    assert_eq!(
        (&said[0]["event"], &said[0]["target"]),
        (&json!("send_message"), &json!("longhaul::refused"))
    );
    assert_eq!(said[0]["detail"], "You are not a participant in this conversation");
    nothing_private(&chat);
}

#[tokio::test]
async fn a_malformed_request_has_its_line_without_its_bytes() {
    let chat = Chat::on(in_json()).await;
    let mut connection = Connection::open(chat.server.address()).await;
    connection.send(format!("GET /{FILE} HTTP/1.1\r\nlet-me-in\r\n\r\n").as_bytes()).await;
    connection.gone().await;
    let said = said(&chat, "not HTTP, refused", 1).await;
    assert_eq!((said.len(), &said[0]["target"]), (1, &json!("longhaul::refused")), "{said:?}");
    nothing_private(&chat);
}

#[tokio::test]
async fn refusals_can_be_filtered_by_their_target() {
    for (filter, is_told) in
        [("info,longhaul::refused=off", false), ("warn,longhaul::refused=info", true), ("warn", false)]
    {
        let chat = Chat::on(in_json().env("RUST_LOG", filter)).await;
        chat.server.request("GET", "/files").send().await.expecting(401);
        send_in_one_piece(&chat).await;
        chat.server.terminate();
        assert_eq!(chat.server.ended(wait::BOUND).await.code(), Some(0));
        let targets: BTreeSet<_> =
            lines(&chat.server.log()).iter().map(|line| line["target"].to_string()).collect();
        assert_eq!(targets.contains("\"longhaul::refused\""), is_told, "{filter}: {targets:?}");
    }
}

#[tokio::test]
async fn in_json_every_line_is_an_object_and_every_number_a_number() {
    let folder = tempfile::tempdir().expect("the system has a folder for temporary files");
    let setup = in_json().env("RUST_LOG", "debug").data_folder(folder.path());
    let chat = Chat::on(setup.setting("--max-connections", 1_000_000)).await;
    send_by_tus(&chat).await;
    send_by_socket(&chat).await;
    send_in_one_piece(&chat).await;
    refusals(&chat).await;
    chat.server.terminate();
    assert_eq!(chat.server.ended(wait::BOUND).await.code(), Some(0));
    let lines = lines(&chat.server.log());
    let mut seen = BTreeSet::new();
    for line in &lines {
        for (key, value) in line.as_object().expect("an object") {
            let is_number = value.as_str().is_some_and(|text| text.parse::<f64>().is_ok());
            assert!(!is_number, "{key} is a number in quotes: {line}");
            if value.is_u64() {
                seen.insert(key.clone());
            }
        }
        assert!(line["level"].is_string() && line["timestamp"].is_string(), "{line}");
    }
    for number in ["status", "elapsed_us", "bytes", "ms", "orphans", "asked", "left_out"] {
        assert!(seen.contains(number), "{number} was not seen as a number: {seen:?}");
    }
}

#[tokio::test]
async fn in_json_what_keeps_the_server_from_starting_is_an_object_too() {
    let folder = tempfile::tempdir().expect("the system has a folder for temporary files");
    let folder = folder.path().to_str().expect("a path of ours is text");
    let file = tempfile::NamedTempFile::new().expect("the system has a folder for temporary files");
    let file = file.path().to_str().expect("a path of ours is text");
    for (arguments, named) in [
        (
            &["--expire-after", "never", "--cors-origin", "a.example"][..],
            &["--expire-after", "--cors-origin"][..],
        ),
        (&["--data-dir", file], &[file]),
        (&["--jwt-public-key", file], &["key"]),
        (&["--log", "off", "--reserve", "x"], &["--reserve"]),
    ] {
        let json = ["--log-format", "json", "--listen", "127.0.0.1:0"];
        // The data folder is named: the default one would lie in the test's working folder.
        let environment = [("LONGHAUL_DATA_DIR", folder)];
        let death = run_to_its_end(&[&json[..], arguments].concat(), &environment).await;
        assert_eq!(death.status.code(), Some(2), "{death}");
        let lines = lines(&death.log);
        let told: Vec<_> = lines.iter().filter(|line| line["level"] == "ERROR").collect();
        assert!(!told.is_empty() || named.is_empty(), "{death}");
        for name in named {
            let is_told = told.iter().any(|line| line["message"].to_string().contains(name));
            assert!(is_told, "{name}: {death}");
        }
    }
}

#[tokio::test]
async fn the_log_begins_with_no_warning_about_a_default() {
    // The usual limit of open files of a shell or a container is too low for the default number of
    // connections.
    let folder = tempfile::tempdir().expect("the system has a folder for temporary files");
    let few = folder.path().join("longhaul");
    let script = format!("#!/bin/sh\nulimit -n 1024\nexec {} \"$@\"\n", longhaul().display());
    std::fs::write(&few, script).expect("the folder is ours");
    std::fs::set_permissions(&few, Permissions::from_mode(0o755)).expect("the file is ours");
    let warnings = async |setup: Setup| {
        let server = setup.binary(&few).start().await;
        lines(&server.log()).into_iter().filter(|line| line["level"] == "WARN").collect::<Vec<_>>()
    };
    assert_eq!(warnings(in_json()).await, [] as [Value; 0]);
    let asked = warnings(in_json().setting("--max-connections", 5000)).await;
    assert_eq!((asked.len(), &asked[0]["asked"]), (1, &json!(5000)), "{asked:?}");
}
