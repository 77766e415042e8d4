//! Links to media, which need no token: where they are given out, how long they are valid, and how bad ones
//! are refused.

use harness::chat::{Chat, check_detail};
use harness::http::Response;
use harness::multipart::Form;
use harness::server::Setup;
use harness::token::Token;
use harness::{tus, wait};
use serde_json::{Value, json};

mod linked;

use linked::{CONTENT, KEY, check_refused, exp_of, get, link_of, sig, text};

async fn read(chat: &Chat, target: &str) -> Value {
    chat.request(&chat.bob, "GET", target).send().await.expecting(200).json()
}

async fn renew(chat: &Chat, message: &Value, wanted: &Value) -> Response {
    let target = format!("/messages/{}/media-link", text(message, "_id"));
    chat.request(&chat.bob, "POST", &target).json(wanted).send().await
}

#[tokio::test]
async fn every_message_that_a_member_is_given_has_a_link() {
    let chat = Chat::on(Setup::default().base_path("/chat")).await;
    let bob = chat.socket(&chat.bob).await;
    let one_shot = chat.post("né.mp4", CONTENT).await;
    let id = text(&one_shot, "_id").to_owned();

    let mut alice = chat.socket(&chat.alice).await;
    let payload = json!({"conversation_id": chat.conversation, "type": "file", "file_name": "a.bin", "file_data": "aGk="});
    alice.order(&json!({"emit": "send_message", "data": payload, "ack": "sent"})).await;
    let acknowledged = alice.saw("ack").await["answer"]["message"].clone();

    let location = tus::create(&chat, 5, &[("filename", "b.mp4")]).await;
    let last = tus::request(&chat, &chat.alice, "PATCH", &location)
        .header("Upload-Offset", 0)
        .header("Content-Type", "application/offset+octet-stream")
        .header("Prefer", "return=representation")
        .body("hello");
    let finished = last.send().await.expecting(200).json()["message"].clone();
    let status = tus::request(&chat, &chat.alice, "GET", &location).header("Accept", "application/json");
    let status = status.send().await.expecting(200).json()["message"].clone();

    let event = bob.saw_with("new_message", |message| message["_id"] == id).await;
    let own = read(&chat, &format!("/messages/{id}")).await;
    let page = read(&chat, &format!("/conversations/{}/messages", chat.conversation)).await;
    let mut all = vec![one_shot, acknowledged, finished, status, event, own];
    all.extend(page["messages"].as_array().expect("messages").clone());
    assert_eq!(all.len(), 9);
    for message in all {
        let link = link_of(&message);
        assert!(link.starts_with("/chat/uploads/chats/"), "{link}");
        let path = link.strip_prefix("/chat").expect("below the base path");
        get(&chat, path).send().await.expecting(200);
    }
}

/// The message of an upload that was made complete before its conversation was named.
#[tokio::test]
async fn a_message_of_an_upload_that_was_bound_later_has_a_link() {
    let chat = Chat::start().await;
    let location = tus::create_unbound(&chat, 36).await;
    tus::append(&chat, &location, 0, CONTENT).await.expecting(204);
    let body = json!({"upload_id": tus::id_of(&location), "conversation_id": chat.conversation});
    let answer = chat.request(&chat.alice, "POST", "/messages").json(&body).send().await.expecting(200);
    let link = link_of(&answer.json()["message"]);
    assert_eq!(get(&chat, &link).send().await.expecting(200).body, CONTENT);
}

#[tokio::test]
async fn a_link_is_as_good_as_a_token_and_says_so_to_caches_and_pages() {
    let chat = Chat::on(Setup::default().setting("--media-link-secs", "1h")).await;
    let message = chat.post("né.mp4", CONTENT).await;
    let link = link_of(&message);
    let by_token = chat.request(&chat.bob, "GET", text(&message, "media_url")).send().await.expecting(200);
    let by_link = get(&chat, &link).send().await.expecting(200);
    assert_eq!(by_link.body, CONTENT);
    for header in
        ["Content-Type", "Content-Length", "Content-Disposition", "ETag", "Last-Modified", "Accept-Ranges"]
            .into_iter()
            .chain(["X-Content-Type-Options", "Content-Security-Policy", "Repr-Digest"])
    {
        assert_eq!(by_link.header(header), by_token.header(header), "{header}");
    }
    assert_eq!(by_token.expect("Cache-Control"), "private, no-cache");
    assert_eq!(by_token.expect("Cross-Origin-Resource-Policy"), "same-origin");

    let tag = by_link.expect("ETag").to_owned();
    let ranged = |tag: &str| get(&chat, &link).header("Range", "bytes=2-4").header("If-Range", tag);
    let piece = ranged(&tag).send().await.expecting(206);
    assert_eq!((&piece.body[..], piece.expect("Content-Range")), (&CONTENT[2..5], "bytes 2-4/36"));
    assert_eq!(ranged("\"another\"").send().await.expecting(200).body, CONTENT);
    let known = get(&chat, &link).header("If-None-Match", &tag).send().await.expecting(304);
    let head = chat.server.request("HEAD", &link).send().await.expecting(200);
    assert_eq!((head.body.len(), head.number("Content-Length")), (0, 36));
    let beyond = get(&chat, &link).header("Range", "bytes=36-").send().await.expecting(416);
    assert_eq!(beyond.expect("Cache-Control"), "no-store");
    assert_eq!(beyond.expect("Cross-Origin-Resource-Policy"), "cross-origin");
    for answer in [by_link, piece, known, head] {
        let kept =
            answer.expect("Cache-Control").strip_prefix("private, max-age=").expect("private").to_owned();
        let left: u64 = kept.parse().expect("a number of seconds");
        assert!((3500..=7200).contains(&left), "{left}");
        assert_eq!(answer.expect("Cross-Origin-Resource-Policy"), "cross-origin");
        assert_eq!(answer.expect("Referrer-Policy"), "no-referrer");
    }
}

#[tokio::test]
async fn a_page_of_another_origin_may_ask_for_ranges() {
    let chat = Chat::start().await;
    let link = link_of(&chat.post("a.mp4", CONTENT).await);
    let preflight = chat
        .server
        .request("OPTIONS", &link)
        .header("Origin", "https://page.example")
        .header("Access-Control-Request-Method", "GET")
        .header("Access-Control-Request-Headers", "range");
    let preflight = preflight.send().await.expecting(200);
    assert!(preflight.expect("Access-Control-Allow-Headers").to_lowercase().contains("range"));
    let piece = get(&chat, &link).header("Origin", "https://page.example").header("Range", "bytes=0-1");
    let piece = piece.send().await.expecting(206);
    assert_eq!(piece.expect("Access-Control-Allow-Origin"), "*");
    for exposed in ["Content-Range", "Accept-Ranges", "ETag"] {
        assert!(piece.expect("Access-Control-Expose-Headers").contains(exposed), "{exposed}");
    }
}

#[tokio::test]
async fn the_token_beside_a_link_does_not_matter() {
    let chat = Chat::start().await;
    let link = link_of(&chat.post("a.mp4", CONTENT).await);
    let other = Token::of("bob@example.com");
    for token in
        [other.clone().forged().mint(), other.expired().mint(), "x".to_owned(), chat.eve.token.clone()]
    {
        get(&chat, &link).bearer(&token).send().await.expecting(200);
    }
    let bad = link.replace("&sig=", "&sig=A");
    check_refused(&get(&chat, &bad).bearer(&chat.bob.token).send().await, "a good token");
}

#[tokio::test]
async fn every_bad_link_is_refused_in_the_same_words() {
    let chat = Chat::start().await;
    let (message, other) = (chat.post("a.mp4", CONTENT).await, chat.post("a.mp4", b"other").await);
    let (link, url) = (link_of(&message), text(&message, "media_url"));
    let (path, query) = link.split_once('?').expect("a query");
    let (exp, sig) = query.split_once('&').expect("two parameters");
    let (_, other_query) = text(&other, "media_link").split_once('?').expect("a query");
    let id = text(&message, "_id");
    let brief = renew(&chat, &message, &json!({"expires_in": 1})).await.expecting(200).json();
    let mut bad = vec![
        format!("{path}?{exp}"),
        format!("{path}?{sig}"),
        format!("{path}?exp=&sig="),
        format!("{path}?exp&sig"),
        format!("{path}?exp=99999999999&{sig}"),
        format!("{path}?exp=1&{sig}"),
        format!("{path}?exp=-1&{sig}"),
        format!("{path}?exp=99999999999999999999999&{sig}"),
        format!("{path}?{exp}&sig=%ff"),
        format!("{path}?{exp}&{sig}A"),
        format!("{path}?{exp}&{}", sig.to_lowercase()),
        format!("{path}?{query}&{sig}"),
        format!("{path}?{exp}&{query}"),
        // The link of another message, of another file, and no link.
        format!("{path}?{other_query}"),
        format!("/uploads/chats/{id}/b.mp4?{query}"),
        format!("/uploads/chats/000000000000000000000000/a.mp4?{query}"),
        format!("/uploads/chats/x/a.mp4?{query}"),
        format!("/uploads/chats/{id}/%ff?{query}"),
        format!("/uploads/chats/{id}/..%2f..%2fformat?{query}"),
    ];
    wait::until_true("a link ends", async || get(&chat, text(&brief, "url")).send().await.status == 403)
        .await;
    bad.push(text(&brief, "url").to_owned());
    let first = get(&chat, &bad[0]).send().await;
    for target in &bad {
        let refused = get(&chat, target).send().await;
        check_refused(&refused, target);
        assert_eq!(refused.body, first.body, "{target}");
        let aside = ["x-request-id", "date"];
        assert_eq!(refused.head.without(&aside), first.head.without(&aside), "{target}");
        let head = chat.server.request("HEAD", target).send().await;
        assert_eq!((head.status, head.body.len()), (403, 0), "{target}");
    }
    get(&chat, &format!("{link}&t=1")).send().await.expecting(200);
    // Without a link, a token is needed as before.
    check_detail(&get(&chat, url).send().await, 401);
    check_detail(&get(&chat, &format!("{url}?t=1")).send().await, 401);
    check_detail(&chat.server.request("POST", &link).send().await, 405);
}

#[tokio::test]
async fn a_link_of_a_file_that_is_gone_is_as_bad_as_any() {
    let chat = Chat::start().await;
    let message = chat.post("a.mp4", CONTENT).await;
    let link = link_of(&message);
    get(&chat, &link).send().await.expecting(200);
    let file = chat.server.folder().path().join("chats").join(text(&message, "_id")).join("a.mp4");
    std::fs::remove_file(file).expect("the file is there");
    check_refused(&get(&chat, &link).send().await, "gone");
    check_refused(&chat.server.request("GET", &link).header("Range", "bytes=0-1").send().await, "gone");
}

#[tokio::test]
async fn a_message_announced_after_a_kill_has_a_valid_link() {
    let setup = || Setup::default().setting("--media-link-secs", "1m");
    let chat = Chat::on(setup().crash_at("finalize.committed")).await;
    let location = tus::create(&chat, 36, &[("filename", "a.mp4")]).await;
    let last = tus::patch(&chat, &chat.alice, &location, 0).body(CONTENT);
    last.try_send().await.expect_err("the server dies before it answers");
    chat.server.restart_with(setup()).await;
    let bob = chat.socket(&chat.bob).await;
    let told = bob.saw("new_message").await;
    get(&chat, &link_of(&told)).send().await.expecting(200);
}

#[tokio::test]
async fn members_renew_links_for_as_long_as_they_say() {
    let chat = Chat::start().await;
    let message = chat.post("a.mp4", CONTENT).await;
    let target = format!("/messages/{}/media-link", text(&message, "_id"));
    let renewed = chat.request(&chat.bob, "POST", &target).send().await.expecting(200).json();
    let usual = link_of(&chat.only_message().await);
    assert_eq!(text(&renewed, "url"), usual);
    assert!(text(&renewed, "expires_at").ends_with('Z'));
    for wanted in [json!({}), json!({"expires_in": null})] {
        assert_eq!(text(&renew(&chat, &message, &wanted).await.expecting(200).json(), "url"), usual);
    }
    let brief = renew(&chat, &message, &json!({"expires_in": 60})).await.expecting(200).json();
    let long = renew(&chat, &message, &json!({"expires_in": 604_800})).await.expecting(200).json();
    let between = exp_of(text(&long, "url")) - exp_of(text(&brief, "url"));
    assert!((604_740..604_760).contains(&between), "{between}");
    for link in [&brief, &long] {
        get(&chat, text(link, "url")).send().await.expecting(200);
    }
    for wanted in [json!(0), json!(604_801), json!(-1), json!(1.5), json!("60"), json!(u64::MAX), json!([])] {
        check_detail(&renew(&chat, &message, &json!({"expires_in": wanted})).await, 400);
    }
    check_detail(&renew(&chat, &message, &json!([])).await, 400);
    check_detail(&chat.server.request("POST", &target).send().await, 401);
    check_detail(&chat.request(&chat.eve, "POST", &target).send().await, 404);
    check_detail(&chat.request(&chat.bob, "GET", &target).send().await, 405);
    let none = "/messages/000000000000000000000000/media-link";
    check_detail(&chat.request(&chat.bob, "POST", none).send().await, 404);
    check_detail(&chat.request(&chat.bob, "POST", "/messages/x/media-link").send().await, 400);
}

#[tokio::test]
async fn a_server_without_links_gives_none_and_takes_none() {
    let chat = Chat::on(Setup::default().env("LONGHAUL_MEDIA_LINK_KEY", KEY)).await;
    let link = link_of(&chat.post("a.mp4", CONTENT).await);
    chat.server.kill().await;
    chat.server
        .restart_with(Setup::default().setting("--media-link-secs", 0).setting("--media-link-key", KEY))
        .await;
    let message = chat.only_message().await;
    assert_eq!((&message["media_link"], &message["media_link_expires_at"]), (&Value::Null, &Value::Null));
    check_refused(&get(&chat, &link).send().await, "links are off");
    check_detail(&renew(&chat, &message, &json!({})).await, 404);
    chat.media(&message).await;
}

#[tokio::test]
async fn no_signature_is_in_the_log_nor_in_the_metrics() {
    let chat = Chat::on(Setup::default().setting("--log", "trace")).await;
    let message = chat.post("a.mp4", CONTENT).await;
    let link = link_of(&message);
    let bad = format!("{}AAAA", link);
    get(&chat, &link).send().await.expecting(200);
    check_refused(&get(&chat, &bad).send().await, "bad");
    let renewed = renew(&chat, &message, &json!({"expires_in": 60})).await.expecting(200).json();
    get(&chat, &format!("/x{}", text(&renewed, "url"))).send().await.expecting(404);
    wait::until_true("the refusal is logged", async || chat.server.log().contains("Invalid or expired link"))
        .await;
    let metrics = chat.server.request("GET", "/metrics").send().await.expecting(200).text();
    for (place, text_there) in [("log", chat.server.log()), ("metrics", metrics)] {
        for secret in [sig(&link), sig(text(&renewed, "url")), "sig="] {
            assert!(!text_there.contains(secret), "the {place} tells {secret}");
        }
    }
}

/// The content decides whether media is shown as a picture, by token and by link.
#[tokio::test]
async fn a_file_that_only_claims_to_be_a_picture_is_a_download() {
    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
    let chat = Chat::start().await;
    for (name, declared, bytes, kind) in [
        ("a.png", "image/png", PNG, Some("image/png")),
        ("a.jpg", "image/jpeg", PNG, Some("image/png")),
        ("a", "image/png", PNG, Some("image/png")),
        ("a.mp3", "application/octet-stream", b"ID3\x04\0\0\0\0\0\0", Some("audio/mpeg")),
        ("a.ogg", "application/octet-stream", b"OggS\0\x02\0\0\0\0\0\0", Some("audio/ogg")),
        ("a.png", "image/png", b" <html><script>alert(1)</script>", None),
        ("a.mp4", "video/mp4", b"<svg onload='alert(1)'>", None),
        ("a.jpg", "image/jpeg", b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff", None),
        ("photo.jpg.exe", "image/jpeg", PNG, None),
    ] {
        let form = Form::new().file(name, declared, bytes).field("conversation_id", &chat.conversation);
        let message = form.into_request(chat.one_shot(&chat.alice)).send().await.expecting(200).json();
        let message = &message["message"];
        let by_token = chat.media(message).await;
        let by_link = get(&chat, &link_of(message)).header("Range", "bytes=3-").send().await.expecting(206);
        for answer in [by_token, by_link] {
            assert_eq!(answer.expect("Content-Type"), kind.unwrap_or("application/octet-stream"), "{name}");
            let disposition = if kind.is_some() { "inline" } else { "attachment" };
            assert!(
                answer.expect("Content-Disposition").starts_with(disposition),
                "{name}: {:?}",
                answer.head
            );
        }
    }
}
