//! Multipart forms as different clients write them: boundaries, fields, file names.

use std::process::Command;

use harness::chat::Chat;
use harness::http::Request;
use harness::left_out::left_out;
use harness::multipart::{Form, before_file, content_type};
use harness::note::note;
use harness::script::Script;
use harness::tus;
use serde_json::{Value, json};

/// A form with this boundary: a file with these headers, and the conversation.
fn form(boundary: &str, file_headers: &str, bytes: &[u8], conversation: &str) -> Vec<u8> {
    let before = format!("--{boundary}\r\n{file_headers}\r\n\r\n");
    let conversation_headers = "Content-Disposition: form-data; name=\"conversation_id\"";
    let after =
        format!("\r\n--{boundary}\r\n{conversation_headers}\r\n\r\n{conversation}\r\n--{boundary}--\r\n");
    [before.as_bytes(), bytes, after.as_bytes()].concat()
}

fn posting(chat: &Chat, content_type: &str, body: Vec<u8>) -> Request {
    chat.one_shot(&chat.alice).header("Content-Type", content_type).body(body)
}

const A_FILE: &str =
    "Content-Disposition: form-data; name=\"file\"; filename=\"a.mp4\"\r\nContent-Type: video/mp4";

#[tokio::test]
async fn a_boundary_is_whatever_its_writer_chose() {
    let chat = Chat::start().await;
    let long = "-".repeat(200);
    for (parameter, boundary) in [
        // Python's mimetools and Ruby's multipart-post.
        ("boundary====1444057544756===", "===1444057544756==="),
        // Java mail.
        ("boundary=----=_Part_5_123.456", "----=_Part_5_123.456"),
        // Android code without a library.
        ("boundary=*****", "*****"),
        // Adobe Flash.
        ("boundary=----------Ij5ae0ae0KM7GI3KM7ei4cH2ei4gL6", "----------Ij5ae0ae0KM7GI3KM7ei4cH2ei4gL6"),
        // Perl's LWP.
        ("boundary=xYzZY", "xYzZY"),
        // .NET.
        ("boundary=\"8d5b0f2e-31ce-4c3e-9f4b\"", "8d5b0f2e-31ce-4c3e-9f4b"),
        // Apache's client, with its charset.
        ("boundary=kQ/Zm+9x/7Hq==; charset=UTF-8", "kQ/Zm+9x/7Hq=="),
        ("charset=UTF-8; Boundary = \"a (b): c?\"", "a (b): c?"),
        (&format!("boundary={long}"), &long),
    ] {
        note(parameter);
        // Bytes that begin like a delimiter, but are none.
        let bytes = format!("film\r\n--{}\r\n-{boundary}", &boundary[..boundary.len() - 1]);
        let body = form(boundary, A_FILE, bytes.as_bytes(), &chat.conversation);
        let answer = posting(&chat, &format!("multipart/form-data; {parameter}"), body).send().await;
        let message = answer.expecting(200).json()["message"].clone();
        assert_eq!(chat.media(&message).await.body, bytes.as_bytes());
    }
    let endless = format!("multipart/form-data; boundary={}", "-".repeat(2000));
    let answer = posting(&chat, &endless, Vec::new()).send().await.expecting(400);
    assert_eq!(answer.json()["detail"], "The boundary is longer than 1024 bytes");
    chat.check_folders().await;
}

/// The client is refused while it still sends gigabytes.
#[tokio::test]
async fn a_file_in_another_field_is_refused_while_it_is_sent() {
    let chat = Chat::start().await;
    let head = before_file("film.mp4").replace("name=\"file\"", "name=\"video\"");
    let request = content_type(chat.one_shot(&chat.alice)).declared_length(6 << 30);
    let mut connection = request.open().await;
    assert!(connection.pour(head.as_bytes()).await);
    while connection.pour(&[b'x'; 64 * 1024]).await {}
    let answer = connection.answer().await.expecting(400);
    let detail = "Missing file: the field \"video\" has one, \"file\" is missing";
    assert_eq!(answer.json()["detail"], detail);

    let small = Form::new()
        .field("conversation_id", &chat.conversation)
        .part("Content-Disposition: form-data; name=\"video\"; filename=\"film.mp4\"\r\n", b"film");
    let answer = small.into_request(chat.one_shot(&chat.alice)).send().await.expecting(400);
    assert_eq!(answer.json()["detail"], detail);
    chat.check_folders().await;
}

/// File names as users wrote them, and as they stand in media URLs.
const NAMES: [(&str, &str); 5] = [
    ("my video.mp4", "my_video.mp4"),
    ("Ünïcode 東京.mp4", "%C3%9Cn%C3%AFcode_%E6%9D%B1%E4%BA%AC.mp4"),
    // Decomposed, as a Mac gives it.
    ("cafe\u{301}.mp4", "caf%C3%A9.mp4"),
    ("हिन्दी.mp4", "%E0%A4%B9%E0%A4%BF%E0%A4%A8%E0%A5%8D%E0%A4%A6%E0%A5%80.mp4"),
    ("100% \"quoted\".mp4", "100_quoted.mp4"),
];

async fn check_name(chat: &Chat, message: &Value, name: &str, stored: &str, client: &str) {
    assert_eq!(message["file_name"], name, "{client}");
    let url = message["media_url"].as_str().expect("a URL").to_owned();
    assert!(url.ends_with(&format!("/{stored}")), "{client}: {url}");
    assert_eq!(chat.media(message).await.body, name.as_bytes(), "{client}");
}

#[tokio::test]
async fn names_come_out_of_every_client_as_they_were_written() {
    let chat = Chat::start().await;
    for (name, stored) in NAMES {
        let path = chat.server.scratch(name);
        std::fs::write(&path, name).expect("a file of this name");
        let config = json!({
            "url": format!("{}/messages/upload", chat.server.url()),
            "token": chat.alice.token,
            "file": path,
            "type": "video/mp4",
            "fields": {"conversation_id": chat.conversation},
        });
        for client in ["fetch", "axios"] {
            let answer = Script::start(client, &config).saw("answer").await;
            check_name(&chat, &answer["body"]["message"], name, stored, client).await;
        }
        if !left_out("curl") {
            check_name(&chat, &curl(&chat, name)["message"], name, stored, "curl").await;
        }
        if !left_out("python") {
            let client = Script::start_python("forms", &config);
            for library in ["aiohttp", "requests"] {
                let answer = client.saw(library).await;
                check_name(&chat, &answer["message"], name, stored, library).await;
            }
        }
    }
}

fn curl(chat: &Chat, name: &str) -> Value {
    let output = Command::new("curl")
        .args(["--silent", "--show-error", "--max-time", "60", "--noproxy", "*"])
        .args(["-H", &format!("Authorization: Bearer {}", chat.alice.token)])
        .args([
            "-F",
            &format!("file=@\"{}\"", chat.server.scratch(name).display().to_string().replace('"', "\\\"")),
        ])
        .args(["-F", &format!("conversation_id={}", chat.conversation)])
        .arg(format!("{}/messages/upload", chat.server.url()))
        .output()
        .expect("curl can be started");
    serde_json::from_slice(&output.stdout).expect("an answer")
}

/// Headers of clients that are not installed here.
#[tokio::test]
async fn names_in_the_encodings_of_others_are_read() {
    let chat = Chat::start().await;
    for (parameters, name) in [
        // .NET.
        ("name=file; filename=\"=?utf-8?B?bsOpLm1wNA==?=\"; filename*=utf-8''n%C3%A9.mp4", "né.mp4"),
        // Spring.
        ("name=\"file\"; filename=\"=?UTF-8?Q?n=C3=A9_a.mp4?=\"", "né a.mp4"),
        ("name=\"file\"; filename=\"=?utf-8?Q?n=C3?= =?utf-8?Q?=A9.mp4?=\"", "né.mp4"),
        // Older urllib3, and a client that writes Latin-1.
        ("name=\"file\"; filename*=utf-8''n%C3%A9%20a.mp4", "né a.mp4"),
        ("name=\"file\"; filename*=ISO-8859-1''n%E9.mp4", "né.mp4"),
        // A browser's name is taken as it stands: nothing in it is decoded.
        ("name=\"file\"; filename=\"100%25 a%20b.mp4\"", "100%25 a%20b.mp4"),
        ("name=\"file\"; filename=\"100%25.mp4\"", "100%25.mp4"),
    ] {
        let headers = format!("Content-Disposition: form-data; {parameters}\r\nContent-Type: video/mp4");
        let body = form("b", &headers, b"film", &chat.conversation);
        let answer = posting(&chat, "multipart/form-data; boundary=b", body).send().await.expecting(200);
        assert_eq!(answer.json()["message"]["file_name"], name, "{parameters}");
    }
}

#[tokio::test]
async fn a_url_in_either_normal_form_finds_the_file() {
    let chat = Chat::start().await;
    let message = chat.post("cafe\u{301}.mp4", b"film").await;
    let composed = message["media_url"].as_str().expect("a URL").to_owned();
    let decomposed = composed.replace("caf%C3%A9", "cafe%CC%81");
    assert_ne!(composed, decomposed);
    for url in [&composed, &decomposed] {
        let answer = chat.request(&chat.bob, "GET", url).send().await.expecting(200);
        assert_eq!(answer.body, b"film", "{url}");
    }
    let id = message["_id"].as_str().expect("an id");
    assert_eq!(chat.server.folder().chats()[id], ["caf\u{e9}.mp4"]);
}

#[tokio::test]
async fn half_a_character_in_a_json_body_is_u_fffd() {
    let chat = Chat::start().await;
    let location = tus::create_unbound(&chat, 4).await;
    tus::append(&chat, &location, 0, b"film").await.expecting(204);
    let id = location.rsplit('/').next().expect("an id").to_owned();
    let body = |content: &str| {
        format!(r#"{{"upload_id":"{id}","conversation_id":"{}","content":{content}}}"#, chat.conversation)
    };
    let post = |body: String| {
        let request =
            chat.request(&chat.alice, "POST", "/messages").header("Content-Type", "application/json");
        request.body(body).send()
    };
    let answer = post(body("7")).await.expecting(400);
    assert_eq!(answer.json()["detail"], "Invalid content");
    let answer = post(body(r#""a\ud83d","\ud83d":"\ude00""#)).await.expecting(200);
    assert_eq!(answer.json()["message"]["content"], "a\u{fffd}");
}
