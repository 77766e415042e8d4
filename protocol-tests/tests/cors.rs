//! CORS: what a page of another origin may send and read.

use harness::chat::Chat;
use harness::server::Setup;
use harness::tus;

#[tokio::test]
async fn a_browser_may_send_everything_that_tus_needs() {
    let chat = Chat::start().await;
    let headers = "authorization,content-type,tus-resumable,upload-offset,upload-length,upload-metadata,\
                   upload-defer-length,upload-concat,upload-checksum,x-http-method-override,x-request-id,\
                   idempotency-key,prefer";
    for (method, target) in [
        ("POST", "/files"),
        ("PATCH", "/files/0123"),
        ("HEAD", "/files/0123"),
        ("DELETE", "/files/0123"),
        ("POST", "/messages/upload"),
        ("GET", "/conversations/0123/messages"),
    ] {
        let preflight = chat
            .server
            .request("OPTIONS", target)
            .header("Origin", "https://chat.example")
            .header("Access-Control-Request-Method", method)
            .header("Access-Control-Request-Headers", headers);
        let answer = preflight.send().await;
        assert!([200, 204].contains(&answer.status), "{target}: {:?}", answer.head);
        let origin = answer.expect("Access-Control-Allow-Origin");
        assert!(["*", "https://chat.example"].contains(&origin), "{target}: {origin}");
        let methods = answer.head.list("Access-Control-Allow-Methods");
        let simple = ["GET", "HEAD", "POST"].contains(&method);
        let named = methods.contains(&method.to_ascii_lowercase()) || methods.contains(&"*".to_owned());
        assert!(simple || named, "{target}: {methods:?}");
        // `*` does not stand for Authorization, so each header must be listed by name.
        let allowed = answer.head.list("Access-Control-Allow-Headers");
        for header in headers.split(',') {
            assert!(allowed.contains(&header.to_owned()), "{target}: {header}: {allowed:?}");
        }
    }
}

#[tokio::test]
async fn a_browser_may_read_everything_that_tus_answers() {
    let chat = Chat::start().await;
    let origin = ("Origin", "https://chat.example");
    let created = tus::creation_in_chat(&chat, 5).header(origin.0, origin.1).send().await.expecting(201);
    let refused = tus::creation_in_chat(&chat, 5).without("Authorization");
    let refused = refused.header(origin.0, origin.1).send().await;
    assert_eq!(refused.status, 401);
    for answer in [created, refused] {
        assert!(answer.header("Access-Control-Allow-Origin").is_some(), "{answer:?}");
        let exposed = answer.head.list("Access-Control-Expose-Headers");
        for header in [
            "location",
            "upload-offset",
            "upload-length",
            "upload-defer-length",
            "upload-metadata",
            "upload-expires",
            "upload-concat",
            "tus-resumable",
            "tus-version",
            "tus-extension",
            "tus-max-size",
            "chat-message-id",
            "chat-message-url",
            "chat-upload-state",
            "retry-after",
        ] {
            let open = exposed.iter().any(|name| name == header || name == "*");
            assert!(open, "{header}: {exposed:?}");
        }
    }
}

#[tokio::test]
async fn cross_origin_access_can_be_narrowed() {
    let chat = Chat::on(Setup::default().setting("--cors-origin", "https://chat.example")).await;
    let ask = |origin: &str| chat.server.request("OPTIONS", "/files").header("Origin", origin);
    let ours = ask("https://chat.example").send().await;
    assert_eq!(ours.expect("Access-Control-Allow-Origin"), "https://chat.example");
    let other = ask("https://evil.example").send().await;
    let allowed = other.header("Access-Control-Allow-Origin");
    assert!(!matches!(allowed, Some("*" | "https://evil.example")), "{allowed:?}");
}
