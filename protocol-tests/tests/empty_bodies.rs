//! Empty bodies. Proxies and clients frame them in different ways, and only the first frame tells that they
//! are empty.

use harness::chat::{Chat, check_detail};
use harness::http::Request;
use harness::left_out::left_out;
use harness::note::note;
use harness::server::Setup;
use harness::{tus, wait};
use serde_json::json;
use tokio::process::Command;

/// Every way to create an upload, and whether its answer can tell an offset.
async fn creations(chat: &Chat) -> Vec<(&'static str, Request, bool)> {
    let post = |target: &str| tus::request(chat, &chat.alice, "POST", target);
    let in_chat = format!("/conversations/{}/files", chat.conversation);
    let partial = tus::creation(chat, &chat.alice, "/files", 5).header("Upload-Concat", "partial");
    let part = partial.clone().send().await.expecting(201).expect("Location").to_owned();
    vec![
        ("unbound", post("/files").header("Upload-Length", 5), true),
        ("with a slash", post("/files/").header("Upload-Length", 5), true),
        ("in a conversation", post(&in_chat).header("Upload-Length", 5), true),
        ("deferred", post(&in_chat).header("Upload-Defer-Length", 1), true),
        ("of no bytes", post("/files").header("Upload-Length", 0), true),
        ("partial", partial, true),
        ("final", post(&in_chat).header("Upload-Concat", format_args!("final;{part}")), false),
    ]
}

fn framings(request: &Request) -> [(&'static str, Request); 3] {
    [
        ("Content-Length: 0", request.clone()),
        ("chunked", request.clone().chunked()),
        ("a trailer", request.clone().trailer("Expires", "0")),
    ]
}

#[tokio::test]
async fn an_empty_body_creates_an_upload_however_it_is_framed() {
    let chat = Chat::start().await;
    for (way, creation, has_offset) in creations(&chat).await {
        for kind in [None, Some("text/plain"), Some(tus::OFFSET_OCTET_STREAM)] {
            for coding in [None, Some("gzip")] {
                let named = [("Content-Type", kind), ("Content-Encoding", coding)];
                let named = named.into_iter().filter_map(|(name, value)| Some((name, value?)));
                let request =
                    named.fold(creation.clone(), |request, (name, value)| request.header(name, value));
                for (framing, request) in framings(&request) {
                    note(format_args!("{way}, {kind:?}, {coding:?}, {framing}"));
                    let answer = request.send().await.expecting(201);
                    assert!(answer.header("Location").is_some());
                    let told = has_offset && kind == Some(tus::OFFSET_OCTET_STREAM);
                    assert_eq!(answer.header("Upload-Offset"), told.then_some("0"));
                }
            }
        }
    }
}

#[tokio::test]
async fn one_byte_is_a_body_however_it_is_framed() {
    let chat = Chat::start().await;
    for (way, creation, is_plain) in creations(&chat).await {
        let foreign = if is_plain { 415 } else { 400 };
        for (name, value, status) in
            [("Content-Type", "text/plain", foreign), ("Content-Encoding", "gzip", 415)]
        {
            let request = creation.clone().header(name, value).body("x");
            for request in [request.clone(), request.chunked()] {
                note(format_args!("{way}, {name}: {value}"));
                let answer = request.send().await;
                check_detail(&answer, status);
                assert!(answer.header("Location").is_none());
            }
        }
    }
}

#[tokio::test]
async fn an_empty_body_is_no_body_to_every_other_method() {
    let chat = Chat::start().await;
    let location = tus::create(&chat, 5, &[]).await;
    let patch = |offset| tus::patch(&chat, &chat.alice, &location, offset);
    let override_of = |method: &str| {
        tus::request(&chat, &chat.alice, "POST", &location).header("X-HTTP-Method-Override", method)
    };
    let overridden =
        override_of("patch").header("Upload-Offset", 0).header("Content-Type", tus::OFFSET_OCTET_STREAM);
    for request in [patch(0), overridden] {
        for (framing, request) in framings(&request.header("Content-Encoding", "gzip")) {
            note(framing);
            assert_eq!(request.send().await.expecting(204).number("Upload-Offset"), 0);
        }
    }
    tus::append(&chat, &location, 0, b"hello").await.expecting(204);
    let json = chat.request(&chat.alice, "POST", "/messages").header("Content-Type", "application/json");
    let head = tus::request(&chat, &chat.alice, "HEAD", &location);
    for (request, status) in [(patch(5), 204), (head, 200), (json, 400), (override_of(" delete "), 204)] {
        for coding in ["identity", "br"] {
            let request = request.clone().header("Content-Encoding", coding).chunked();
            note(request.line());
            // The second DELETE finds the upload gone.
            let answer = request.send().await.status;
            assert!(answer == status || (status, answer, coding) == (204, 404, "br"), "{answer}");
        }
    }
}

/// Every other refusal needs only the head. The server does not wait for ever for a client that sends nothing
/// after it.
#[tokio::test]
async fn every_other_refusal_comes_before_an_empty_body_is_waited_for() {
    let chat =
        Chat::on(Setup::default().setting("--idle-timeout", 1).setting("--max-upload-size", 100)).await;
    let in_chat = |id: &str, length: u64| {
        tus::creation(&chat, &chat.alice, &format!("/conversations/{id}/files"), length)
    };
    let here = in_chat(&chat.conversation, 5);
    let of_eve = tus::creation(&chat, &chat.eve, &format!("/conversations/{}/files", chat.conversation), 5);
    for (request, status) in [
        (here.clone().without("Authorization"), 401),
        (of_eve, 403),
        (in_chat("507f1f77bcf86cd799439099", 5), 404),
        (in_chat(&chat.conversation, 101), 413),
        (here.clone().without("Upload-Length"), 400),
        (here.clone(), 503),
        (here.clone().header("Content-Encoding", "gzip"), 408),
        (here.header("Content-Encoding", "gzip").header("Expect", "100-continue"), 415),
    ] {
        note(format_args!("{} {status}", request.line()));
        let answer = request.chunked().open().await.answer().await;
        check_detail(&answer, status);
        assert_eq!(answer.header("Retry-After").is_some(), status == 503);
    }
    let list = chat.request(&chat.alice, "GET", "/files").send().await.expecting(200).json();
    assert_eq!(list["uploads"], json!([]), "nothing was created");
}

/// curl sends an empty DATA frame over HTTP/2; over HTTP/1.1 it waits for `100 Continue` before it sends the
/// last, empty chunk.
#[tokio::test]
async fn curl_creates_with_a_body_of_unknown_length_that_is_empty() {
    if left_out("curl") {
        return;
    }
    let chat = Chat::start().await;
    for version in ["--http1.1", "--http2-prior-knowledge"] {
        for kind in ["text/plain", tus::OFFSET_OCTET_STREAM] {
            note(format_args!("{version} {kind}"));
            let mut command = Command::new("curl");
            command
                .args(["--silent", "--show-error", "--max-time", "60", "--noproxy", "*", version])
                .args(["-X", "POST", &format!("{}/files", chat.server.url()), "-D", "-"])
                .args(["-H", &format!("Authorization: Bearer {}", chat.alice.token)])
                .args(["-H", "Tus-Resumable: 1.0.0", "-H", "Upload-Length: 5"])
                .args(["-H", &format!("Content-Type: {kind}"), "-T", "/dev/null"]);
            let output = wait::bounded("curl ends", command.output()).await.expect("curl can be started");
            let answer = String::from_utf8_lossy(&output.stdout).to_lowercase();
            assert!(answer.contains(" 201") && answer.contains("location:"), "{answer}");
            assert_eq!(answer.contains("upload-offset: 0"), kind == tus::OFFSET_OCTET_STREAM, "{answer}");
        }
    }
}
