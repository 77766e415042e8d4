//! tus 1.0.0, Concatenation: parts, finished or not, become one upload and one message.

use harness::chat::{Chat, check_detail};
use harness::content::Content;
use harness::server::Setup;
use harness::{tus, wait};

mod parts;

use parts::{SIZES, complete_part, ends, final_in_chat, final_upload, is_told, joined, part, parts_of};

#[tokio::test]
async fn parts_become_one_message() {
    let chat = Chat::start().await;
    let content = Content::random(SIZES.iter().sum());
    let urls = parts_of(&chat, &content, &SIZES).await;
    assert!(chat.messages().await.is_empty(), "a part is no message");
    let pairs = [("filename", "joined.mp4"), ("content", "of three")];
    let location = joined(&chat, &urls, &pairs).await;
    let message = is_told(&chat, &location, content.len()).await;
    assert_eq!((&message["file_name"], &message["content"]), (&"joined.mp4".into(), &"of three".into()));
    assert_eq!(message["sha256"], content.sha256());
    assert_eq!(chat.media(&message).await.body, content.bytes());
    for (url, size) in urls.iter().zip(SIZES) {
        assert_eq!(tus::offset(&chat, url).await, size, "a part stays for a while");
    }
    ends(&chat, &urls).await;
    assert_eq!(chat.media(&message).await.body, content.bytes(), "the message has bytes of its own");
    chat.check_folders().await;
}

#[tokio::test]
async fn head_says_what_is_a_part_and_what_is_made_of_parts() {
    let chat = Chat::start().await;
    let [one, other] = [complete_part(&chat, b"hello ").await, part(&chat, 5).await];
    let head = tus::head(&chat, &one).await.expecting(200);
    assert_eq!(head.expect("Upload-Concat"), "partial");
    let path = |url: &str| format!("/files/{}", tus::id_of(url));
    // The URLs are relative and absolute, with spaces, as the client spelled them.
    let raw = format!("final;{}  {} ", path(&one), other);
    let creation = tus::request(&chat, &chat.alice, "POST", "/files").header("Upload-Concat", raw.trim_end());
    let location = creation.send().await.expecting(201).expect("Location").to_owned();
    let unfinished = tus::head(&chat, &location).await.expecting(200);
    assert_eq!(unfinished.expect("Upload-Concat"), raw.trim_end());
    assert_eq!(unfinished.number("Upload-Length"), 11);
    assert!(unfinished.header("Upload-Offset").is_none(), "it is not there yet");
    tus::append(&chat, &other, 0, b"world").await.expecting(204);
    wait::until_true("the parts are joined", async || {
        tus::head(&chat, &location).await.expecting(200).header("Upload-Offset") == Some("11")
    })
    .await;
    let bytes = chat.request(&chat.alice, "GET", &location).send().await.expecting(200);
    assert_eq!(bytes.body, b"hello world");
}

#[tokio::test]
async fn the_length_is_told_as_soon_as_the_parts_tell_theirs() {
    let chat = Chat::start().await;
    let creation = tus::request(&chat, &chat.alice, "POST", "/files")
        .header("Upload-Concat", "partial")
        .header("Upload-Defer-Length", 1);
    let deferred = creation.send().await.expecting(201).expect("Location").to_owned();
    let urls = [complete_part(&chat, b"hello ").await, deferred.clone()];
    let location = joined(&chat, &urls, &[]).await;
    let head = tus::head(&chat, &location).await.expecting(200);
    for name in ["Upload-Length", "Upload-Defer-Length", "Upload-Offset"] {
        assert!(head.header(name).is_none(), "{name}");
    }
    let declared = tus::patch(&chat, &chat.alice, &deferred, 0).header("Upload-Length", 5).body("wor");
    declared.send().await.expecting(204);
    let head = tus::head(&chat, &location).await.expecting(200);
    assert_eq!((head.number("Upload-Length"), head.header("Upload-Offset")), (11, None));
    tus::append(&chat, &deferred, 3, b"ld").await.expecting(204);
    let message = chat.first_message().await;
    assert_eq!(chat.media(&message).await.body, b"hello world");
}

#[tokio::test]
async fn the_answer_to_a_final_upload_may_be_lost() {
    let chat = Chat::start().await;
    let content = Content::random(SIZES.iter().sum());
    let urls = parts_of(&chat, &content, &SIZES).await;
    let location = joined(&chat, &urls, &[("filename", "a.bin")]).await;
    let message = is_told(&chat, &location, content.len()).await;
    let repeated = final_in_chat(&chat, &urls, &[("filename", "a.bin")]).send().await.expecting(201);
    assert_eq!(repeated.expect("Location"), location);
    assert_eq!(repeated.expect("Chat-Message-Id"), message["_id"].as_str().expect("text"));
    ends(&chat, &urls).await;
    let without_parts = final_in_chat(&chat, &urls, &[("filename", "a.bin")]).send().await.expecting(201);
    assert_eq!(without_parts.expect("Location"), location);
    chat.only_message().await;
}

#[tokio::test]
async fn the_same_final_upload_asked_for_several_times_at_once_is_one() {
    let chat = Chat::start().await;
    let content = Content::random(SIZES.iter().sum());
    let urls = parts_of(&chat, &content, &SIZES).await;
    let pairs: [&[(&str, &str)]; 2] = [&[("filename", "a.bin")], &[("client_message_id", "mine")]];
    for pairs in pairs {
        let ask = || joined(&chat, &urls, pairs);
        let (a, b, c, d) = tokio::join!(ask(), ask(), ask(), ask());
        assert!([&b, &c, &d].iter().all(|other| **other == a), "{a} {b} {c} {d}");
        assert!(tus::head(&chat, &a).await.expecting(200).header("Chat-Message-Id").is_some());
    }
    assert_eq!(chat.messages().await.len(), 2);
}

#[tokio::test]
async fn the_same_parts_become_several_messages_when_they_are_meant_to() {
    let chat = Chat::start().await;
    let content = Content::random(SIZES.iter().sum());
    let urls = parts_of(&chat, &content, &SIZES).await;
    let another = chat.another_conversation().await;
    let location = joined(&chat, &urls, &[]).await;
    let there = final_upload(&chat, &format!("/conversations/{another}/files"), &urls, &[]);
    let elsewhere = there.send().await.expecting(201).expect("Location").to_owned();
    let reversed: Vec<_> = urls.iter().rev().chain(&urls[..1]).cloned().collect();
    let mixed = joined(&chat, &reversed, &[]).await;
    for location in [&location, &elsewhere, &mixed] {
        assert!(tus::head(&chat, location).await.expecting(200).header("Chat-Message-Id").is_some());
    }
    let of = |start: u64, size: u64| content.slice(start..start + size);
    let [a, b, c] = [of(0, SIZES[0]), of(SIZES[0], SIZES[1]), of(SIZES[0] + SIZES[1], SIZES[2])];
    let mut bodies = Vec::new();
    for message in [chat.messages().await, chat.messages_of(&another).await].concat() {
        bodies.push(chat.media(&message).await.body);
    }
    let expected = [[c, b, a.clone(), a].concat(), content.bytes(), content.bytes()];
    assert!(bodies == expected, "{:?}", bodies.iter().map(Vec::len).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_final_upload_takes_no_bytes_and_no_length() {
    let chat = Chat::start().await;
    let urls = [complete_part(&chat, b"hello").await];
    for refused in [
        final_in_chat(&chat, &urls, &[]).header("Upload-Length", 5),
        final_in_chat(&chat, &urls, &[]).header("Upload-Defer-Length", 1),
        final_in_chat(&chat, &urls, &[]).header("Content-Type", tus::OFFSET_OCTET_STREAM).body("more"),
    ] {
        check_detail(&refused.send().await, 400);
    }
    let waiting = joined(&chat, &[part(&chat, 3).await], &[]).await;
    let whole = joined(&chat, &urls, &[]).await;
    for location in [&waiting, &whole] {
        for bytes in [&b""[..], b"more"] {
            check_detail(&tus::append(&chat, location, 0, bytes).await, 403);
        }
    }
}

#[tokio::test]
async fn only_ones_own_partial_uploads_are_joined() {
    let chat = Chat::start().await;
    let good = complete_part(&chat, b"hello").await;
    let plain = tus::create_unbound(&chat, 5).await;
    let whole = joined(&chat, std::slice::from_ref(&good), &[]).await;
    let gone = complete_part(&chat, b"gone").await;
    ends(&chat, std::slice::from_ref(&gone)).await;
    let bobs = tus::creation(&chat, &chat.bob, "/files", 5).header("Upload-Concat", "partial");
    let bobs = bobs.send().await.expecting(201).expect("Location").to_owned();
    for bad in [&plain, &whole, &gone, &bobs] {
        let urls = [good.clone(), bad.clone()];
        check_detail(&final_in_chat(&chat, &urls, &[]).send().await, 400);
    }
    let raw = |value: &str| {
        tus::request(&chat, &chat.alice, "POST", "/files").header("Upload-Concat", value).send()
    };
    for value in ["final", "final;", "final;/elsewhere", "final;../../etc/passwd", "partial;", "whole", ""] {
        check_detail(&raw(value).await, 400);
    }
    check_detail(&raw(&format!("final;{}", "/files/00 ".repeat(1000))).await, 431);
    let bound = final_upload(&chat, "/conversations/507f1f77bcf86cd799439099/files", &[good], &[]);
    check_detail(&bound.send().await, 404);
    assert_eq!(chat.messages().await.len(), 1);
}

#[tokio::test]
async fn no_message_is_made_of_a_part() {
    let chat = Chat::start().await;
    let metadata = tus::metadata(&[("conversation_id", &chat.conversation), ("filename", "a.mp4")]);
    let creation = tus::creation_in_chat(&chat, 5)
        .header("Upload-Concat", "partial")
        .header("Upload-Metadata", &metadata);
    let location = creation.send().await.expecting(201).expect("Location").to_owned();
    tus::append(&chat, &location, 0, b"hello").await.expecting(204);
    let head = tus::head(&chat, &location).await.expecting(200);
    assert_eq!((head.expect("Upload-Metadata"), head.number("Upload-Offset")), (metadata.as_str(), 5));
    let body = serde_json::json!({
        "upload_id": tus::id_of(&location), "conversation_id": chat.conversation,
    });
    let bind = chat.request(&chat.alice, "POST", "/messages").json(&body);
    check_detail(&bind.send().await, 400);
    assert!(chat.messages().await.is_empty());
}

#[tokio::test]
async fn announced_digests_are_of_the_whole() {
    let chat = Chat::start().await;
    let content = Content::random(SIZES.iter().sum());
    let urls = parts_of(&chat, &content, &SIZES).await;
    let location = joined(&chat, &urls, &[("sha256", &content.sha256())]).await;
    is_told(&chat, &location, content.len()).await;
    let other = harness::content::sha256(b"other");
    for _ in 0..2 {
        check_detail(&final_in_chat(&chat, &urls, &[("sha256", &other)]).send().await, 422);
    }
    chat.only_message().await;
}

#[tokio::test]
async fn the_answer_to_a_final_upload_of_whole_parts_is_the_message() {
    let chat = Chat::start().await;
    let sizes = [17, (65 << 20) + 7];
    let content = Content::random(sizes.iter().sum());
    let urls = parts_of(&chat, &content, &sizes).await;
    let answer = final_in_chat(&chat, &urls, &[]).send().await.expecting(201);
    let message = chat.only_message().await;
    assert_eq!(answer.expect("Chat-Message-Id"), message["_id"]);
    assert_eq!(answer.number("Upload-Offset"), content.len());
    let unbound = final_upload(&chat, "/files", &urls, &[]).send().await.expecting(201);
    assert_eq!(
        (unbound.expect("Chat-Upload-State"), unbound.number("Upload-Offset")),
        ("complete", content.len())
    );
}

/// The uploads of the list, with whether they are parts.
async fn listed(chat: &Chat) -> Vec<(String, bool)> {
    let list = chat.request(&chat.alice, "GET", "/files").send().await.expecting(200).json();
    let uploads = list["uploads"].as_array().expect("an array").iter();
    let found = uploads.map(|upload| {
        let id = upload["upload_id"].as_str().expect("text").to_owned();
        (id, upload["is_partial"].as_bool().expect("a boolean"))
    });
    let mut found: Vec<_> = found.collect();
    found.sort();
    found
}

#[tokio::test]
async fn parts_are_listed_as_parts_until_an_upload_was_made_of_them() {
    let chat = Chat::start().await;
    let urls =
        [complete_part(&chat, b"hello ").await, part(&chat, 5).await, complete_part(&chat, b"!").await];
    let plain = tus::create_unbound(&chat, 5).await;
    let waiting = joined(&chat, &urls[..2], &[]).await;
    let of = |urls: &[(&String, bool)]| {
        let mut ids: Vec<_> = urls.iter().map(|(url, is)| (tus::id_of(url).to_owned(), *is)).collect();
        ids.sort();
        ids
    };
    let [one, other, third] = &urls;
    let all = of(&[(one, true), (other, true), (third, true), (&plain, false), (&waiting, false)]);
    assert_eq!(listed(&chat).await, all);
    tus::append(&chat, other, 0, b"world").await.expecting(204);
    chat.first_message().await;
    assert_eq!(listed(&chat).await, of(&[(third, true), (&plain, false)]));
    chat.server.restart().await;
    assert_eq!(listed(&chat).await, of(&[(third, true), (&plain, false)]));
    // The parts can be used once more.
    let unbound = final_upload(&chat, "/files", &urls, &[]).send().await.expecting(201);
    let unbound = unbound.expect("Location").to_owned();
    let bytes = chat.request(&chat.alice, "GET", &unbound).send().await.expecting(200);
    assert_eq!(bytes.body, b"hello world!");
    assert_eq!(listed(&chat).await, of(&[(&plain, false), (&unbound, false)]));
    assert_eq!(chat.status(one).await.json()["is_partial"], true);
}

#[tokio::test]
async fn empty_parts_add_nothing() {
    let chat = Chat::start().await;
    let urls = [part(&chat, 0).await, complete_part(&chat, b"hello").await, part(&chat, 0).await];
    let location = joined(&chat, &urls, &[]).await;
    let message = is_told(&chat, &location, 5).await;
    assert_eq!(chat.media(&message).await.body, b"hello");
    let empty = joined(&chat, &[part(&chat, 0).await], &[("filename", "empty")]).await;
    assert_eq!(tus::head(&chat, &empty).await.expecting(200).number("Upload-Offset"), 0);
    assert_eq!(chat.messages().await.len(), 2);
}

#[tokio::test]
async fn parts_together_are_no_larger_than_an_upload_may_be() {
    let chat = Chat::on(Setup::default().setting("--max-upload-size", 10)).await;
    let urls = [complete_part(&chat, b"0123456").await, complete_part(&chat, b"0123").await];
    check_detail(&final_in_chat(&chat, &urls, &[]).send().await, 413);
    let creation = tus::request(&chat, &chat.alice, "POST", "/files")
        .header("Upload-Concat", "partial")
        .header("Upload-Defer-Length", 1);
    let deferred = creation.send().await.expecting(201).expect("Location").to_owned();
    let waiting = joined(&chat, &[urls[0].clone(), deferred.clone()], &[]).await;
    tus::patch(&chat, &chat.alice, &deferred, 0).header("Upload-Length", 4).body("0123").send().await;
    wait::until_true("it is rejected", async || tus::head(&chat, &waiting).await.status == 410).await;
    assert!(chat.messages().await.is_empty());
}
