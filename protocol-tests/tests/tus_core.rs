//! tus 1.0.0, the core: discovery, versions, HEAD, PATCH, and refusals.

use harness::chat::{Chat, check_detail, conversation_id};
use harness::content::Content;
use harness::http::Request;
use harness::server::Setup;
use harness::tus;

const MIB: u64 = 1 << 20;

/// The size of a body that exceeds all socket buffers: the client is still sending when it is refused.
const STILL_SENDING: usize = 64_000_000;

#[tokio::test]
async fn discovery_needs_no_token_and_no_version() {
    let chat = Chat::on(Setup::default().setting("--max-upload-size", 5_000_000)).await;
    let answer = chat.server.request("OPTIONS", "/files").send().await.expecting(200);
    assert_eq!(answer.expect("Tus-Version"), "1.0.0");
    assert_eq!(answer.number("Tus-Max-Size"), 5_000_000);
    let extensions = answer.head.list("Tus-Extension");
    for extension in [
        "creation",
        "creation-with-upload",
        "creation-defer-length",
        "termination",
        "expiration",
        "concatenation",
        "concatenation-unfinished",
    ] {
        assert!(extensions.contains(&extension.to_owned()), "{extension}: {extensions:?}");
    }
}

#[tokio::test]
async fn another_version_is_412_and_nothing_is_processed() {
    let chat = Chat::start().await;
    let location = tus::create(&chat, 5, &[]).await;
    for version in [None, Some("0.2.2"), Some("1.0.1"), Some("")] {
        for request in [
            tus::creation_in_chat(&chat, 5),
            tus::request(&chat, &chat.alice, "HEAD", &location),
            tus::patch(&chat, &chat.alice, &location, 0).body("hello"),
            tus::request(&chat, &chat.alice, "DELETE", &location),
        ] {
            let request = request.without("Tus-Resumable");
            let request = match version {
                Some(version) => request.header("Tus-Resumable", version),
                None => request,
            };
            let answer = request.send().await.expecting(412);
            assert_eq!(answer.expect("Tus-Version"), "1.0.0", "{version:?}");
        }
    }
    assert_eq!(tus::offset(&chat, &location).await, 0);
    assert_eq!(listed(&chat).await, 1, "no creation and no termination was processed");
}

async fn listed(chat: &Chat) -> usize {
    let list = chat.request(&chat.alice, "GET", "/files").send().await.expecting(200).json();
    list.to_string().matches("\"upload_id\"").count()
}

#[tokio::test]
async fn every_answer_names_its_version() {
    let chat = Chat::start().await;
    let created = tus::creation_in_chat(&chat, 5).send().await.expecting(201);
    let location = created.expect("Location").to_owned();
    let head = tus::head(&chat, &location).await;
    let conflict = tus::append(&chat, &location, 3, b"he").await;
    let patch = tus::append(&chat, &location, 0, b"he").await;
    let missing = tus::append(&chat, "/files/nobody-knows-it", 0, b"he").await;
    for answer in [created, head, conflict, patch, missing] {
        assert_eq!(answer.expect("Tus-Resumable"), "1.0.0", "{answer:?}");
    }
}

#[tokio::test]
async fn head_tells_offset_and_length_and_is_never_cached() {
    let chat = Chat::start().await;
    let location = tus::create(&chat, 11, &[]).await;
    let before = tus::head(&chat, &location).await.expecting(200);
    assert_eq!((before.number("Upload-Offset"), before.number("Upload-Length")), (0, 11));
    assert_eq!(before.expect("Cache-Control"), "no-store");
    let patch = tus::append(&chat, &location, 0, b"hello ").await.expecting(204);
    assert_eq!(patch.number("Upload-Offset"), 6);
    assert!(patch.body.is_empty());
    assert_eq!(tus::offset(&chat, &location).await, 6);
    let last = tus::append(&chat, &location, 6, b"world").await.expecting(204);
    assert_eq!(last.number("Upload-Offset"), 11);
    assert_eq!(chat.media(&chat.only_message().await).await.body, b"hello world");
}

#[tokio::test]
async fn bytes_may_come_in_chunks_of_unknown_length() {
    let chat = Chat::start().await;
    let content = Content::random(300_000).bytes();
    let location = tus::create(&chat, 300_000, &[]).await;
    let patch = tus::patch(&chat, &chat.alice, &location, 0).chunked();
    patch.clone().body(&content[..200_000]).send().await.expecting(204);
    let rest = tus::patch(&chat, &chat.alice, &location, 200_000).chunked();
    let last = rest.body(&content[200_000..]).send().await.expecting(204);
    assert_eq!(last.number("Upload-Offset"), 300_000);
    assert_eq!(chat.media(&chat.only_message().await).await.body, content);
}

#[tokio::test]
async fn an_empty_patch_changes_nothing() {
    let chat = Chat::start().await;
    let location = tus::create(&chat, 5, &[]).await;
    let answer = tus::append(&chat, &location, 0, b"").await.expecting(204);
    assert_eq!(answer.number("Upload-Offset"), 0);
    assert!(chat.messages().await.is_empty());
}

#[tokio::test]
async fn another_offset_is_409_and_says_the_right_one() {
    let chat = Chat::start().await;
    let location = tus::create(&chat, 10, &[]).await;
    tus::append(&chat, &location, 0, b"abcd").await.expecting(204);
    for wrong in [0, 3, 5, 9] {
        let answer = tus::append(&chat, &location, wrong, b"x").await;
        check_detail(&answer, 409);
        assert_eq!(answer.number("Upload-Offset"), 4, "offset {wrong}");
    }
    assert_eq!(tus::offset(&chat, &location).await, 4);
}

/// Header values that are not numbers, though a lenient parser may take them.
const NO_NUMBERS: [&str; 13] = [
    "+1",
    "-1",
    "-0",
    "",
    "1.0",
    "1e3",
    "0x10",
    "1 2",
    "1,1",
    "abc",
    "\u{0661}",
    "18446744073709551616",
    "99999999999999999999999999",
];

#[tokio::test]
async fn a_malformed_offset_is_400() {
    let chat = Chat::start().await;
    let location = tus::create(&chat, 5, &[]).await;
    let patch = tus::patch(&chat, &chat.alice, &location, 0).without("Upload-Offset");
    check_detail(&patch.clone().body("hello").send().await, 400);
    for value in NO_NUMBERS {
        let answer = patch.clone().header("Upload-Offset", value).body("hello").send().await;
        assert_eq!(answer.status, 400, "{value:?}: {}", answer.text());
    }
    for second in ["0", "1"] {
        let twice = patch.clone().header("Upload-Offset", 0).header("Upload-Offset", second);
        check_detail(&twice.body("hello").send().await, 400);
    }
    assert_eq!(tus::offset(&chat, &location).await, 0);
}

#[tokio::test]
async fn a_malformed_length_is_400() {
    let chat = Chat::start().await;
    let creation = tus::creation_in_chat(&chat, 0).without("Upload-Length");
    check_detail(&creation.clone().send().await, 400);
    for value in NO_NUMBERS {
        let answer = creation.clone().header("Upload-Length", value).send().await;
        assert_eq!(answer.status, 400, "{value:?}: {}", answer.text());
        assert!(answer.header("Location").is_none(), "{value:?}");
    }
    let twice = creation.header("Upload-Length", 5).header("Upload-Length", 5);
    check_detail(&twice.send().await, 400);
}

#[tokio::test]
async fn only_the_offset_octet_stream_is_taken() {
    let chat = Chat::start().await;
    let location = tus::create(&chat, 5, &[]).await;
    let patch = tus::patch(&chat, &chat.alice, &location, 0).without("Content-Type").body("hello");
    check_detail(&patch.clone().send().await, 415);
    for kind in ["application/octet-stream", "text/plain", "application/offset+octet-streams"] {
        check_detail(&patch.clone().header("Content-Type", kind).send().await, 415);
    }
    assert_eq!(tus::offset(&chat, &location).await, 0);
    let tolerated = patch.header("Content-Type", "Application/Offset+Octet-Stream; charset=utf-8");
    tolerated.send().await.expecting(204);
}

#[tokio::test]
async fn a_patch_that_would_pass_the_length_is_413_before_it_is_read() {
    let chat = Chat::start().await;
    let location = tus::create(&chat, 10, &[]).await;
    tus::append(&chat, &location, 0, b"abcd").await.expecting(204);
    let patch = tus::patch(&chat, &chat.alice, &location, 4).declared_length(7);
    let mut connection = patch.open().await;
    let answer = connection.answer().await;
    check_detail(&answer, 413);
    assert_eq!(tus::offset(&chat, &location).await, 4);
    tus::append(&chat, &location, 4, b"efghij").await.expecting(204);
    assert_eq!(chat.media(&chat.only_message().await).await.body, b"abcdefghij");
}

#[tokio::test]
async fn a_chunked_patch_that_passes_the_length_never_adds_a_byte_to_the_file() {
    let chat = Chat::start().await;
    let location = tus::create(&chat, 10, &[]).await;
    let patch = tus::patch(&chat, &chat.alice, &location, 0).chunked().body("0123456789 and more");
    check_detail(&patch.send().await, 413);
    let offset = tus::offset(&chat, &location).await;
    assert!(offset <= 10, "{offset}");
    if offset < 10 {
        let kept = usize::try_from(offset).expect("it is small");
        tus::append(&chat, &location, offset, &b"0123456789"[kept..]).await.expecting(204);
    }
    assert_eq!(chat.media(&chat.first_message().await).await.body, b"0123456789");
}

#[tokio::test]
async fn a_complete_upload_accepts_only_empty_patches() {
    let chat = Chat::start().await;
    let location = tus::create(&chat, 5, &[]).await;
    tus::append(&chat, &location, 0, b"hello").await.expecting(204);
    let again = tus::append(&chat, &location, 5, b"").await.expecting(204);
    assert_eq!(again.expect("Chat-Message-Id"), chat.only_message().await["_id"].as_str().expect("text"));
    check_detail(&tus::append(&chat, &location, 5, b"x").await, 413);
    let repeated = tus::append(&chat, &location, 0, b"hello").await;
    check_detail(&repeated, 409);
    assert_eq!(repeated.number("Upload-Offset"), 5);
    assert_eq!(chat.media(&chat.only_message().await).await.body, b"hello");
}

#[tokio::test]
async fn chunks_beside_a_length_are_read_as_chunks() {
    // RFC 9112 §6.3: the chunks are the framing, and the length must not turn any byte into a request.
    let chat = Chat::start().await;
    for length in [0, 1, 5000] {
        let location = tus::create(&chat, 5, &[]).await;
        let patch = tus::patch(&chat, &chat.alice, &location, 0).header("Content-Length", length).chunked();
        patch.body("hel").send().await.expecting(204);
        assert_eq!(tus::offset(&chat, &location).await, 3, "{length}");
    }
}

#[tokio::test]
async fn the_method_may_be_overridden() {
    let chat = Chat::start().await;
    let location = tus::create(&chat, 5, &[]).await;
    let guise = |method: &str, real: &str| {
        tus::request(&chat, &chat.alice, method, &location).header("X-HTTP-Method-Override", real)
    };
    let head = guise("GET", "HEAD").send().await.expecting(200);
    assert_eq!(head.number("Upload-Offset"), 0);
    let patch = guise("POST", "PATCH")
        .header("Upload-Offset", 0)
        .header("Content-Type", tus::OFFSET_OCTET_STREAM)
        .body("hel");
    assert_eq!(patch.send().await.expecting(204).number("Upload-Offset"), 3);
    assert_eq!(guise("POST", " head ").send().await.expecting(200).number("Upload-Offset"), 3);
    check_detail(&guise("POST", "").send().await, 400);
    guise("POST", "Delete").send().await.expecting(204);
    assert_eq!(tus::head(&chat, &location).await.status, 404);
}

#[tokio::test]
async fn expect_continue_is_answered_only_when_the_request_is_acceptable() {
    let chat = Chat::start().await;
    let location = tus::create(&chat, 5, &[]).await;
    let patch = |offset| {
        tus::patch(&chat, &chat.alice, &location, offset).header("Expect", "100-continue").declared_length(5)
    };
    let wrong_kind = patch(0).without("Content-Type").header("Content-Type", "text/plain");
    let wrong_token = patch(0).without("Authorization").bearer("nonsense");
    for (request, status) in [(patch(1), 409), (wrong_kind, 415), (wrong_token, 401)] {
        let mut connection = request.open().await;
        assert_eq!(connection.head().await.status, status, "the first word is the refusal");
    }
    let mut connection = patch(0).open().await;
    assert_eq!(connection.head().await.status, 100);
    connection.send(b"hello").await;
    assert_eq!(connection.answer().await.expecting(204).number("Upload-Offset"), 5);
}

#[tokio::test]
async fn an_early_refusal_can_be_read_by_a_client_that_sends_everything_first() {
    let chat = Chat::start().await;
    let length = STILL_SENDING as u64;
    let location = tus::create(&chat, length, &[]).await;
    let patch = |offset| tus::patch(&chat, &chat.alice, &location, offset);
    let form = |target: &str| {
        let request = chat.request(&chat.alice, "POST", target);
        harness::multipart::content_type(request)
    };
    let unknown = conversation_id();
    let refused: [(&str, Request, u16); 9] = [
        ("no such path", chat.request(&chat.alice, "POST", "/nowhere"), 404),
        ("no such upload", tus::patch(&chat, &chat.alice, "/files/nobody-knows-it", 0), 404),
        ("another's upload", tus::patch(&chat, &chat.bob, &location, 0), 404),
        ("a bad token", patch(0).without("Authorization").bearer("nonsense"), 401),
        ("another offset", patch(7), 409),
        ("another kind", patch(0).without("Content-Type").header("Content-Type", "text/plain"), 415),
        ("too long", patch(0), 413),
        ("a one-shot with a bad token", form("/messages/upload").without("Authorization"), 401),
        ("a one-shot to nowhere", form(&format!("/messages/upload?conversation_id={unknown}")), 404),
    ];
    let body = vec![7; STILL_SENDING];
    for (what, request, status) in refused {
        // A single byte more makes the body too long.
        let body = if status == 413 { [&body[..], b"!"].concat() } else { body.clone() };
        let answer = request.body(body).try_send().await;
        let answer = answer.unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(answer.status, status, "{what}: {}", answer.text());
    }
}

#[tokio::test]
async fn a_refused_connection_stays_usable() {
    let chat = Chat::start().await;
    let location = tus::create(&chat, 4 * MIB, &[]).await;
    let content = Content::random(4 * MIB).bytes();
    let wrong = tus::patch(&chat, &chat.alice, &location, 9).body(content.clone());
    let right = tus::patch(&chat, &chat.alice, &location, 0).body(content.clone());
    let mut connection = wrong.clone().body("").declared_length(4 * MIB).open().await;
    let refusal = connection.answer().await;
    check_detail(&refusal, 409);
    // A refusal either announces that it closes the connection, or the next request is answered.
    if refusal.header("Connection").is_some_and(|value| value.eq_ignore_ascii_case("close")) {
        return;
    }
    connection.send(&content).await;
    assert_eq!(connection.request(&right).await.expecting(204).number("Upload-Offset"), 4 * MIB);
}

#[tokio::test]
async fn errors_are_json_with_one_string_on_every_route() {
    let chat = Chat::start().await;
    let location = tus::create(&chat, 5, &[]).await;
    for (request, status) in [
        (chat.server.request("GET", "/nowhere"), 404),
        (chat.request(&chat.alice, "GET", "/nowhere"), 404),
        (chat.request(&chat.alice, "PUT", "/files"), 405),
        (chat.request(&chat.alice, "DELETE", "/messages/upload"), 405),
        (tus::request(&chat, &chat.alice, "PATCH", &location).header("Upload-Offset", 0), 415),
        (tus::request(&chat, &chat.alice, "DELETE", "/files/nobody-knows-it"), 404),
        (chat.request(&chat.alice, "GET", "/files/nobody-knows-it"), 404),
        (chat.request(&chat.alice, "POST", "/messages").json(&serde_json::json!([])), 400),
        (chat.request(&chat.alice, "POST", "/messages").body("{"), 400),
    ] {
        check_detail(&request.send().await, status);
    }
    let nonsense = chat.request(&chat.alice, "GET", "/messages/nonsense").send().await;
    assert!([400, 404].contains(&nonsense.status));
    check_detail(&nonsense, nonsense.status);
}

#[tokio::test]
async fn liveness_readiness_and_metrics_need_no_token() {
    let chat = Chat::start().await;
    for target in ["/healthz", "/readyz", "/metrics"] {
        chat.server.request("GET", target).send().await.expecting(200);
    }
    let ready = chat.server.request("GET", "/readyz").send().await.json();
    assert_eq!(ready["ready"], true);
}
