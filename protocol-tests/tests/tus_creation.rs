//! Creation: the URL of an upload, its metadata, and which creations are the same upload.

use data_encoding::BASE64;
use harness::chat::{Chat, check_detail, conversation_id};
use harness::content::sha256;
use harness::server::Setup;
use harness::token::Token;
use harness::tus;
use serde_json::json;

mod created;

use created::create;

#[tokio::test]
async fn a_location_is_absolute_and_from_the_requests_host() {
    let chat = Chat::start().await;
    let plain = tus::creation_in_chat(&chat, 5).send().await.expecting(201);
    assert!(plain.expect("Location").starts_with(&format!("{}/files/", chat.server.url())));
    assert!(plain.body.is_empty());
    let named = tus::creation_in_chat(&chat, 5)
        .header("Host", "chat.example:8443")
        .header("X-Forwarded-Host", "evil.example")
        .header("X-Forwarded-Proto", "https");
    let named = named.send().await.expecting(201);
    let location = named.expect("Location");
    assert!(location.starts_with("http://chat.example:8443/files/"), "{location}");
}

#[tokio::test]
async fn forwarded_headers_count_only_when_they_are_trusted() {
    let chat = Chat::on(Setup::default().flag("--trust-forwarded")).await;
    let creation = tus::creation_in_chat(&chat, 5)
        .header("X-Forwarded-Host", "chat.example")
        .header("X-Forwarded-Proto", "https");
    let answer = creation.send().await.expecting(201);
    let location = answer.expect("Location");
    assert!(location.starts_with("https://chat.example/files/"), "{location}");
}

#[tokio::test]
async fn an_upload_expires_and_says_when() {
    let chat = Chat::start().await;
    let created = tus::creation_in_chat(&chat, 5).send().await.expecting(201);
    let location = created.expect("Location").to_owned();
    let patch = tus::append(&chat, &location, 0, b"he").await.expecting(204);
    let head = tus::head(&chat, &location).await.expecting(200);
    for answer in [created, patch, head] {
        let expires = answer.expect("Upload-Expires");
        assert!(expires.ends_with(" GMT") && expires.len() == 29, "an HTTP date: {expires}");
    }
}

#[tokio::test]
async fn a_foreign_content_type_is_tolerated_only_without_a_body() {
    let chat = Chat::start().await;
    let creation = tus::creation_in_chat(&chat, 5).header("Content-Type", "text/plain");
    creation.clone().send().await.expecting(201);
    let with_body = creation.body("hello").send().await;
    check_detail(&with_body, 415);
    assert!(with_body.header("Location").is_none());
    let silent = tus::creation_in_chat(&chat, 5).body("hello").send().await;
    check_detail(&silent, 415);
    assert!(chat.messages().await.is_empty());
}

#[tokio::test]
async fn creation_may_carry_the_first_bytes() {
    let chat = Chat::start().await;
    let creation = tus::creation_in_chat(&chat, 10).header("Content-Type", tus::OFFSET_OCTET_STREAM);
    let answer = creation.body("0123").send().await.expecting(201);
    assert_eq!(answer.number("Upload-Offset"), 4);
    let location = answer.expect("Location").to_owned();
    assert_eq!(tus::offset(&chat, &location).await, 4);
    tus::append(&chat, &location, 4, b"456789").await.expecting(204);
    assert_eq!(chat.media(&chat.only_message().await).await.body, b"0123456789");
}

#[tokio::test]
async fn creation_may_carry_all_bytes_and_is_then_a_message() {
    let chat = Chat::start().await;
    let creation = tus::creation_in_chat(&chat, 5).header("Content-Type", tus::OFFSET_OCTET_STREAM);
    let answer = creation.body("hello").send().await.expecting(201);
    assert_eq!(answer.number("Upload-Offset"), 5);
    let message = chat.only_message().await;
    assert_eq!(answer.expect("Chat-Message-Id"), message["_id"].as_str().expect("text"));
    assert_eq!(chat.media(&message).await.body, b"hello");
}

#[tokio::test]
async fn creation_with_more_than_the_length_is_refused() {
    let chat = Chat::start().await;
    let creation = tus::creation_in_chat(&chat, 3).header("Content-Type", tus::OFFSET_OCTET_STREAM);
    let answer = creation.body("hello").send().await;
    check_detail(&answer, 413);
    assert!(answer.header("Location").is_none(), "a Location is never on an error");
    assert!(chat.messages().await.is_empty());
}

#[tokio::test]
async fn an_empty_file_is_a_message_too() {
    let chat = Chat::start().await;
    let location = tus::create(&chat, 0, &[("filename", "empty.txt")]).await;
    let head = tus::head(&chat, &location).await.expecting(200);
    let message = chat.only_message().await;
    assert_eq!(head.expect("Chat-Message-Id"), message["_id"].as_str().expect("text"));
    assert!(chat.media(&message).await.body.is_empty());
    assert_eq!(message["file_size"], 0);
    chat.check_folders().await;
}

#[tokio::test]
async fn a_length_may_come_later() {
    let chat = Chat::start().await;
    let creation = tus::creation_in_chat(&chat, 0).without("Upload-Length").header("Upload-Defer-Length", 1);
    let answer = creation.send().await.expecting(201);
    let location = answer.expect("Location").to_owned();
    let head = tus::head(&chat, &location).await.expecting(200);
    assert_eq!(head.expect("Upload-Defer-Length"), "1");
    assert!(head.header("Upload-Length").is_none());
    tus::append(&chat, &location, 0, b"hello ").await.expecting(204);

    let patch = |offset| tus::patch(&chat, &chat.alice, &location, offset);
    let short = patch(6).header("Upload-Length", 3).send().await;
    assert!([400, 413].contains(&short.status), "shorter than what is there: {}", short.text());
    patch(6).header("Upload-Length", 11).body("wor").send().await.expecting(204);
    let head = tus::head(&chat, &location).await.expecting(200);
    assert_eq!(head.number("Upload-Length"), 11);
    assert!(head.header("Upload-Defer-Length").is_none());
    check_detail(&patch(9).header("Upload-Length", 12).body("ld!").send().await, 400);
    patch(9).header("Upload-Length", 11).body("ld").send().await.expecting(204);
    assert_eq!(chat.media(&chat.only_message().await).await.body, b"hello world");
}

#[tokio::test]
async fn a_length_that_comes_later_may_be_where_the_upload_stands() {
    let chat = Chat::start().await;
    let creation = tus::creation_in_chat(&chat, 0).without("Upload-Length").header("Upload-Defer-Length", 1);
    let location = creation.send().await.expecting(201).expect("Location").to_owned();
    tus::append(&chat, &location, 0, b"hello").await.expecting(204);
    let last = tus::patch(&chat, &chat.alice, &location, 5).header("Upload-Length", 5);
    let answer = last.send().await.expecting(204);
    let message = chat.only_message().await;
    assert_eq!(answer.expect("Chat-Message-Id"), message["_id"].as_str().expect("text"));
}

#[tokio::test]
async fn a_length_is_either_known_or_deferred() {
    let chat = Chat::start().await;
    let none = tus::creation_in_chat(&chat, 0).without("Upload-Length");
    for value in ["0", "2", "true", ""] {
        check_detail(&none.clone().header("Upload-Defer-Length", value).send().await, 400);
    }
    let both = tus::creation_in_chat(&chat, 5).header("Upload-Defer-Length", 1);
    check_detail(&both.send().await, 400);
}

#[tokio::test]
async fn metadata_is_given_back_byte_for_byte() {
    let chat = Chat::start().await;
    for metadata in [
        "filename YS5tcDQ=,filetype dmlkZW8vbXA0",
        "filename YS5tcDQ=, filetype dmlkZW8vbXA0",
        "lonely,filename YS5tcDQ=",
        "uppy_id YWJj,relativePath bnVsbA==,type dmlkZW8vbXA0,name YS5tcDQ=",
        "strange /////w==",
    ] {
        let creation = tus::creation_in_chat(&chat, 5).header("Upload-Metadata", metadata);
        let location = creation.send().await.expecting(201).expect("Location").to_owned();
        let head = tus::head(&chat, &location).await.expecting(200);
        assert_eq!(head.expect("Upload-Metadata"), metadata);
    }
}

#[tokio::test]
async fn empty_metadata_is_none() {
    let chat = Chat::start().await;
    tus::creation_in_chat(&chat, 5).header("Upload-Metadata", "").send().await.expecting(201);
}

#[tokio::test]
async fn malformed_metadata_is_400() {
    let chat = Chat::start().await;
    let many = "x".repeat(129);
    let malformed = [
        ("bad base64", "filename %%%".to_owned()),
        ("a key twice", "a YQ==,a YQ==".to_owned()),
        ("the file's name twice", "filename YQ==,filename YQ==".to_owned()),
        ("an empty key", "a YQ==,,b YQ==".to_owned()),
        ("three tokens", "filename YQ== YQ==".to_owned()),
        ("a name that is not UTF-8", format!("filename {}", BASE64.encode(b"\xff\xfe"))),
        ("a caption that is not UTF-8", format!("content {}", BASE64.encode(b"\xff\xfe"))),
        ("a reply to nonsense", tus::metadata(&[("reply_to", "nonsense")])),
        ("a conversation that is no id", tus::metadata(&[("conversation_id", "nonsense")])),
        ("another conversation than the path", tus::metadata(&[("conversation_id", &conversation_id())])),
        ("a long client_message_id", tus::metadata(&[("client_message_id", &many)])),
        ("a client_message_id with a line break", tus::metadata(&[("client_message_id", "a\nb")])),
        ("a client_message_id beyond ASCII", tus::metadata(&[("client_message_id", "é")])),
        ("a digest that is none", tus::metadata(&[("sha256", "nonsense")])),
    ];
    for (what, metadata) in malformed {
        let answer = tus::creation_in_chat(&chat, 5).header("Upload-Metadata", metadata).send().await;
        assert_eq!(answer.status, 400, "{what}: {}", answer.text());
        check_detail(&answer, 400);
        assert!(answer.header("Location").is_none(), "{what}");
    }
}

#[tokio::test]
async fn the_conversation_may_stand_in_the_metadata_or_in_both_places() {
    let chat = Chat::start().await;
    let metadata = tus::metadata(&[("conversation_id", &chat.conversation), ("filename", "a.txt")]);
    for target in ["/files", &format!("/conversations/{}/files", chat.conversation)] {
        let creation = tus::creation(&chat, &chat.alice, target, 5).header("Upload-Metadata", &metadata);
        let location = creation.send().await.expecting(201).expect("Location").to_owned();
        tus::append(&chat, &location, 0, b"hello").await.expecting(204);
    }
    assert_eq!(chat.messages().await.len(), 2);
}

#[tokio::test]
async fn metadata_becomes_the_message() {
    let chat = Chat::start().await;
    let earlier = chat.post("earlier.txt", b"x").await;
    let earlier = earlier["_id"].as_str().expect("text");
    let pairs = [
        ("name", "Mein Film.mov"),
        ("type", "video/quicktime"),
        ("content", "Grüße"),
        ("reply_to", earlier),
        ("client_message_id", "mine"),
        ("sha256", &sha256(b"hello")),
    ];
    let location = tus::create(&chat, 5, &pairs).await;
    tus::append(&chat, &location, 0, b"hello").await.expecting(204);
    let message = chat.messages().await[0].clone();
    let id = message["_id"].as_str().expect("text");
    for (key, value) in [
        ("sender", json!("alice@example.com")),
        ("content", json!("Grüße")),
        ("type", json!("video")),
        ("reply_to", json!(earlier)),
        ("client_message_id", json!("mine")),
        ("upload_id", json!(tus::id_of(&location))),
        ("file_name", json!("Mein Film.mov")),
        ("mime_type", json!("video/quicktime")),
        ("file_size", json!(5)),
        ("sha256", json!(sha256(b"hello"))),
        ("media_url", json!(format!("/uploads/chats/{id}/Mein_Film.mov"))),
    ] {
        assert_eq!(message[key], value, "{key}");
    }
}

#[tokio::test]
async fn checks_come_in_their_order() {
    let chat = Chat::on(Setup::default().setting("--max-upload-size", 1000)).await;
    let unknown = conversation_id();
    let target = |conversation: &str| format!("/conversations/{conversation}/files");
    let request = |target: &str, token: Option<&str>| {
        let request = chat.server.request("POST", target).header("Tus-Resumable", "1.0.0");
        let request = request.header("Upload-Length", 1001);
        token.map_or(request.clone(), |token| request.bearer(token))
    };
    let expired = Token::of(&chat.alice.name).expired().mint();
    let alice = Some(chat.alice.token.as_str());
    let stranger = "You are not a participant in this conversation";
    for (request, status, detail) in [
        (request(&target("nonsense"), None), 401, "Missing access token"),
        (request(&target("nonsense"), Some("nonsense")), 401, "Invalid or expired token"),
        (request(&target("nonsense"), Some(&expired)), 401, "Invalid or expired token"),
        (request(&target("nonsense"), alice), 400, "Invalid conversation_id"),
        (request(&target(&unknown), alice), 404, "Conversation not found"),
        (request(&target(&chat.conversation), Some(&chat.eve.token)), 403, stranger),
    ] {
        assert_eq!(check_detail(&request.send().await, status), detail);
    }
    check_detail(&request(&target(&chat.conversation), alice).send().await, 413);
    check_detail(&request("/files", alice).send().await, 413);
}

#[tokio::test]
async fn a_scheme_is_understood_in_any_letter_case() {
    let chat = Chat::start().await;
    for scheme in ["bearer", "BEARER", "Bearer"] {
        let creation = tus::creation_in_chat(&chat, 5).without("Authorization");
        let creation = creation.header("Authorization", format_args!("{scheme} {}", chat.alice.token));
        creation.send().await.expecting(201);
    }
    let other = tus::creation_in_chat(&chat, 5).without("Authorization");
    let other = other.header("Authorization", format_args!("Basic {}", chat.alice.token));
    check_detail(&other.send().await, 401);
}

#[tokio::test]
async fn a_token_must_expire_name_a_user_and_be_signed_as_configured() {
    let chat = Chat::start().await;
    let good = Token::of(&chat.alice.name);
    for (what, token) in [
        ("forged", good.clone().forged()),
        ("without exp", good.clone().without("exp")),
        ("without a user", good.clone().without("sub")),
        ("with an empty user", good.clone().with("sub", "")),
        ("with a number for a user", good.clone().with("sub", 7)),
        ("HS512", good.clone().signed_with(jsonwebtoken::Algorithm::HS512)),
    ] {
        let creation = tus::creation_in_chat(&chat, 5).without("Authorization").bearer(&token.mint());
        let answer = creation.send().await;
        assert_eq!(answer.status, 401, "{what}: {}", answer.text());
        assert_eq!(check_detail(&answer, 401), "Invalid or expired token", "{what}");
    }
    let by_mail = good.without("sub").with("email", chat.alice.name.as_str()).mint();
    tus::creation_in_chat(&chat, 5).without("Authorization").bearer(&by_mail).send().await.expecting(201);
}

#[tokio::test]
async fn the_same_client_message_id_is_the_same_upload() {
    let chat = Chat::start().await;
    let pairs = [("filename", "a.mp4"), ("client_message_id", "once")];
    let first = create(&chat, 10, &pairs).await.expecting(201);
    let location = first.expect("Location").to_owned();
    tus::append(&chat, &location, 0, b"0123").await.expecting(204);

    let again = create(&chat, 10, &pairs).await.expecting(201);
    assert_eq!(again.expect("Location"), location);
    assert_eq!(again.number("Upload-Offset"), 4);
    let other_length = create(&chat, 11, &pairs).await;
    check_detail(&other_length, 422);
    assert!(other_length.header("Location").is_none());

    tus::append(&chat, &location, 4, b"456789").await.expecting(204);
    let after = create(&chat, 10, &pairs).await.expecting(201);
    assert_eq!((after.expect("Location"), after.number("Upload-Offset")), (location.as_str(), 10));
    let message = chat.only_message().await;
    assert_eq!(after.expect("Chat-Message-Id"), message["_id"].as_str().expect("text"));
    chat.check_folders().await;
}

#[tokio::test]
async fn the_same_client_message_id_of_another_sender_or_conversation_is_another() {
    let chat = Chat::start().await;
    let other = chat.another_conversation().await;
    let metadata = tus::metadata(&[("client_message_id", "once")]);
    let target = |conversation: &str| format!("/conversations/{conversation}/files");
    let mut locations = Vec::new();
    for (user, conversation) in
        [(&chat.alice, &chat.conversation), (&chat.bob, &chat.conversation), (&chat.alice, &other)]
    {
        let creation = tus::creation(&chat, user, &target(conversation), 5);
        let answer = creation.header("Upload-Metadata", &metadata).send().await.expecting(201);
        locations.push(answer.expect("Location").to_owned());
    }
    locations.sort();
    locations.dedup();
    assert_eq!(locations.len(), 3);
}

#[tokio::test]
async fn creations_of_one_client_message_id_at_once_are_one_upload() {
    let chat = Chat::start().await;
    let pairs = [("client_message_id", "once")];
    let (a, b, c) =
        tokio::join!(create(&chat, 5, &pairs), create(&chat, 5, &pairs), create(&chat, 5, &pairs));
    let locations = [a, b, c].map(|answer| answer.expecting(201).expect("Location").to_owned());
    assert!(locations.iter().all(|location| *location == locations[0]), "{locations:?}");
}
