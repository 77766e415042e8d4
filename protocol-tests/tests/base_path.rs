//! A server below a base path: every way in and every URL is below it, and nothing is outside.

use harness::chat::{Chat, check_detail};
use harness::http::{Request, Response};
use harness::multipart::Form;
use harness::note::note;
use harness::proxy::Conditions;
use harness::script::{Script, socket};
use harness::sending::Sending;
use harness::server::{Setup, run_to_its_end};
use harness::tus;
use serde_json::{Value, json};

const BASE: &str = "/chat";

async fn chat() -> Chat {
    Chat::on(Setup::default().base_path(BASE)).await
}

/// Checks that the message is read, media included, below this path.
async fn check_media(chat: &Chat, message: &Value, base: &str, bytes: &[u8]) {
    let id = message["_id"].as_str().expect("text");
    let name = message["file_name"].as_str().expect("text");
    assert_eq!(message["media_url"], format!("{base}/uploads/chats/{id}/{name}"));
    assert_eq!(chat.media(message).await.body, bytes);
}

#[tokio::test]
async fn tus_gives_urls_below_the_base_path() {
    let chat = chat().await;
    let created = tus::creation_in_chat(&chat, 5)
        .header("Upload-Metadata", tus::metadata(&[("filename", "a.txt")]))
        .header("Host", "chat.example:8443");
    let created = created.send().await.expecting(201);
    let location = created.expect("Location").to_owned();
    assert!(location.starts_with("http://chat.example:8443/chat/files/"), "{location}");
    let done = tus::append(&chat, &location, 0, b"hello").await.expecting(204);
    let message_url = done.expect("Chat-Message-Url").to_owned();
    let message = chat.request(&chat.bob, "GET", &message_url).send().await.expecting(200).json();
    assert_eq!(message, chat.only_message().await);
    check_media(&chat, &message, BASE, b"hello").await;
    let status = chat.status(&location).await.expecting(200).json();
    assert_eq!(status["message"], message);
}

#[tokio::test]
async fn a_one_shot_and_a_bound_upload_are_sent_below_the_base_path() {
    let chat = chat().await;
    let message = chat.post("a.txt", b"hello").await;
    check_media(&chat, &message, BASE, b"hello").await;

    let location = tus::create_unbound(&chat, 5).await;
    tus::append(&chat, &location, 0, b"later").await.expecting(204);
    let binding = json!({"upload_id": tus::id_of(&location), "conversation_id": chat.conversation});
    let bound = chat.request(&chat.alice, "POST", "/messages").json(&binding).send().await.expecting(200);
    check_media(&chat, &bound.json()["message"], BASE, b"later").await;
}

#[tokio::test]
async fn the_socket_is_below_the_base_path() {
    let chat = chat().await;
    let member = chat.socket(&chat.bob).await;
    for (transport, name) in [("websocket", "a.txt"), ("polling", "b.txt")] {
        let url = format!("{}{BASE}", chat.server.url());
        let mut sender = socket(&url, &chat.alice.token, &[transport]).await;
        let data = json!({
            "conversation_id": chat.conversation, "file_name": name, "file_data": "aGVsbG8=", "type": "file",
        });
        sender.order(&json!({"emit": "send_message", "data": data, "ack": name})).await;
        let message = sender.saw("ack").await["answer"]["message"].clone();
        check_media(&chat, &message, BASE, b"hello").await;
        assert_eq!(member.saw_with("new_message", |seen| seen["_id"] == message["_id"]).await, message);
    }
}

#[tokio::test]
async fn parts_are_joined_however_their_urls_are_written() {
    let chat = chat().await;
    let part = async |bytes: &[u8]| {
        let creation = tus::creation(&chat, &chat.alice, "/files", bytes.len() as u64);
        let created = creation.header("Upload-Concat", "partial").send().await.expecting(201);
        let location = created.expect("Location").to_owned();
        tus::append(&chat, &location, 0, bytes).await.expecting(204);
        location
    };
    let urls = [part(b"hel").await, part(b"lo").await];
    let relative = urls.clone().map(|url| format!("{BASE}/files/{}", tus::id_of(&url)));
    for (names, file) in [(urls.join(" "), "a.txt"), (relative.join(" "), "b.txt")] {
        note(&names);
        let target = format!("/conversations/{}/files", chat.conversation);
        let joined = tus::request(&chat, &chat.alice, "POST", &target)
            .header("Upload-Concat", format!("final;{names}"))
            .header("Upload-Metadata", tus::metadata(&[("filename", file)]));
        let location = joined.send().await.expecting(201).expect("Location").to_owned();
        let message_url =
            tus::head(&chat, &location).await.expecting(200).expect("Chat-Message-Url").to_owned();
        let message = chat.request(&chat.bob, "GET", &message_url).send().await.expecting(200).json();
        check_media(&chat, &message, BASE, b"hello").await;
    }
}

#[tokio::test]
async fn a_client_below_a_base_path_needs_only_the_endpoint() {
    let chat = chat().await;
    let address = chat.server.address();
    let sending = Sending::behind(chat, address, 3 << 20, Conditions::default()).await;
    let client = Script::start("tus", &sending.config(json!({"chunkSize": 1 << 20, "parallelUploads": 2})));
    sending.check_joined(&[&client]).await;
}

#[tokio::test]
async fn operations_and_the_page_are_below_the_base_path() {
    let server = Setup::default().base_path(BASE).demo().start().await;
    for route in ["/", "/healthz", "/readyz", "/metrics"] {
        server.request("GET", route).send().await.expecting(200);
    }
    let page = server.request("GET", "/").send().await.expecting(200).text();
    assert!(page.contains(&format!("<base href=\"{BASE}/\">")), "{page}");
    Request::new(server.address(), "GET", BASE).send().await.expecting(200);
}

#[tokio::test]
async fn nothing_is_outside_of_the_base_path() {
    let chat = chat().await;
    let message = chat.post("a.txt", b"hello").await;
    let media = message["media_url"].as_str().expect("text").strip_prefix(BASE).expect("below the base");
    let in_conversation = format!("/conversations/{}/files", chat.conversation);
    for (method, path) in [
        ("GET", "/"),
        ("GET", "/healthz"),
        ("GET", "/readyz"),
        ("GET", "/metrics"),
        ("POST", "/files"),
        ("OPTIONS", "/files"),
        ("POST", &in_conversation),
        ("POST", "/messages/upload"),
        ("GET", media),
        ("GET", "/socket.io/?EIO=4&transport=polling"),
        ("GET", "/chatter/files"),
        ("GET", "/CHAT/files"),
        ("GET", "/chat%2ffiles"),
        ("GET", "/x/chat/files"),
    ] {
        let outside = Request::new(chat.server.address(), method, path).bearer(&chat.alice.token);
        assert_eq!(check_detail(&outside.send().await, 404), "Not found", "{method} {path}");
    }
}

/// The server does not store its base path.
#[tokio::test]
async fn messages_follow_the_server_to_another_base_path() {
    let chat = chat().await;
    let message = chat.post("a.txt", b"hello").await;
    for base in ["/a/b", ""] {
        let setup = if base.is_empty() { Setup::default() } else { Setup::default().base_path(base) };
        chat.server.restart_with(setup).await;
        let read = chat.only_message().await;
        assert_eq!(read["_id"], message["_id"]);
        check_media(&chat, &read, base, b"hello").await;
    }
}

/// A proxy that strips its own path names it in a header, and the URLs in answers have the path again.
#[tokio::test]
async fn urls_in_answers_have_the_prefix_that_a_proxy_took_away() {
    let setup = Setup::default().base_path(BASE).flag("--trust-forwarded");
    let chat = Chat::on(setup).await;
    let told = chat.socket(&chat.bob).await;
    let stripped = |request: Request| {
        let request = request.header("Forwarded", r#"for=192.0.2.1;proto=HTTPS;host="chat.example:8443""#);
        request.header("X-Forwarded-Prefix", "/edge/")
    };
    let created = stripped(tus::creation_in_chat(&chat, 5)).send().await.expecting(201);
    let location = created.expect("Location").to_owned();
    let outside = "https://chat.example:8443/edge/chat";
    assert!(location.starts_with(&format!("{outside}/files/")), "{location}");

    let form = Form::of("a.txt", b"hello", &chat.conversation);
    let sent = stripped(form.into_request(chat.one_shot(&chat.alice))).send().await.expecting(200);
    let message = sent.json()["message"].clone();
    let media_url = |message: &Value| message["media_url"].as_str().expect("text").to_owned();
    assert!(media_url(&message).starts_with("/edge/chat/uploads/chats/"), "{message}");

    let id = message["_id"].as_str().expect("text");
    let get = async |target: &str, stripped: &dyn Fn(Request) -> Request| -> Response {
        stripped(chat.request(&chat.bob, "GET", target)).send().await.expecting(200)
    };
    for target in [format!("/messages/{id}"), format!("/conversations/{}/messages", chat.conversation)] {
        assert!(get(&target, &stripped).await.text().contains(&media_url(&message)), "{target}");
        assert!(!get(&target, &|request| request).await.text().contains("/edge"), "{target}");
    }
    // Events go to all members, over whichever path each of them connected.
    let event = told.saw_with("new_message", |seen| seen["_id"] == id).await;
    assert_eq!(media_url(&event), media_url(&message).strip_prefix("/edge").expect("the prefix"));
}

#[tokio::test]
async fn a_malformed_base_path_is_refused_at_the_start() {
    for path in ["/a/../b", "/chat?x", "/my chat", "//chat", "https://chat.example/"] {
        let death = run_to_its_end(&["--listen", "127.0.0.1:0", "--base-path", path], &[]).await;
        assert_eq!(death.status.code(), Some(2), "{}", death.log);
        assert!(
            death.log.contains(&format!("--base-path: `{path}`: a base path is like /chat")),
            "{}",
            death.log
        );
    }
}
