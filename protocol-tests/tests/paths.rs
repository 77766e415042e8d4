//! Paths and methods: every route with and without a slash at its end, and no method that means something
//! else.

use harness::chat::{Chat, check_detail};
use harness::http::{Request, Response};
use harness::note::note;
use harness::tus;
use serde_json::{Value, json};

/// The part of an answer that does not depend on the time or the request.
fn gist(answer: &Response) -> (u16, Option<String>, Value) {
    let body = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
    (answer.status, answer.header("Allow").map(str::to_owned), body)
}

#[tokio::test]
async fn every_route_answers_with_a_slash_at_its_end_as_without() {
    let chat = Chat::start().await;
    let message = chat.post("a.png", b"picture").await;
    let (id, media) = (message["_id"].as_str().expect("text"), message["media_url"].as_str().expect("text"));
    let upload = tus::create(&chat, 5, &[]).await;
    let conversation = format!("/conversations/{}", chat.conversation);
    for (method, path) in [
        ("GET", "/files".to_owned()),
        ("OPTIONS", "/files".to_owned()),
        ("POST", "/files".to_owned()),
        ("PUT", "/files".to_owned()),
        ("HEAD", format!("/files/{}", tus::id_of(&upload))),
        ("GET", format!("/files/{}", tus::id_of(&upload))),
        ("OPTIONS", format!("{conversation}/files")),
        ("POST", format!("{conversation}/files")),
        ("GET", format!("{conversation}/files")),
        ("GET", format!("{conversation}/messages")),
        ("PUT", conversation.clone()),
        ("POST", "/messages".to_owned()),
        ("POST", "/messages/upload".to_owned()),
        ("GET", format!("/messages/{id}")),
        ("GET", media.to_owned()),
        ("HEAD", media.to_owned()),
        ("GET", "/healthz".to_owned()),
        ("HEAD", "/readyz".to_owned()),
        ("GET", "/nowhere".to_owned()),
        ("GET", "/uploads/chats".to_owned()),
    ] {
        note(format_args!("{method} {path}"));
        let ask = |path: String| {
            tus::request(&chat, &chat.alice, method, &path).header("Accept", "application/json").send()
        };
        let (without, with, with_query) =
            (ask(path.clone()).await, ask(format!("{path}/")).await, ask(format!("{path}/?a=b/")).await);
        assert_eq!(gist(&with), gist(&without));
        assert_eq!(gist(&with_query), gist(&without));
    }
}

#[tokio::test]
async fn a_location_has_no_slash_at_its_end() {
    let chat = Chat::start().await;
    for target in ["/files/".to_owned(), format!("/conversations/{}/files/", chat.conversation)] {
        let answer = tus::creation(&chat, &chat.alice, &target, 5).send().await.expecting(201);
        let location = answer.expect("Location");
        assert_eq!(tus::id_of(location).len(), 32, "{location}");
        assert_eq!(tus::offset(&chat, &format!("{location}/")).await, 0);
    }
}

/// HEAD and PATCH of a route that is no upload are refused with 405, with and without tus's version and a
/// token.
#[tokio::test]
async fn head_and_patch_of_a_route_without_an_upload_are_405() {
    let chat = Chat::start().await;
    for (method, path, allowed) in [
        ("HEAD", "/files".to_owned(), "GET,POST,OPTIONS"),
        ("HEAD", "/files/".to_owned(), "GET,POST,OPTIONS"),
        ("PATCH", "/files".to_owned(), "GET,POST,OPTIONS"),
        ("HEAD", format!("/conversations/{}/files", chat.conversation), "POST,OPTIONS"),
        ("HEAD", "/messages".to_owned(), "POST"),
    ] {
        for request in [
            chat.request(&chat.alice, method, &path),
            tus::request(&chat, &chat.alice, method, &path),
            chat.server.request(method, &path),
        ] {
            note(request.line());
            let answer = request.send().await;
            assert_eq!((answer.status, answer.header("Allow")), (405, Some(allowed)));
        }
    }
}

#[tokio::test]
async fn a_client_of_the_draft_is_told_that_tus_is_spoken() {
    let chat = Chat::start().await;
    let upload = tus::create(&chat, 5, &[]).await;
    let creation = chat.request(&chat.alice, "POST", "/files").header("Upload-Complete", "?0");
    let whole = chat.request(&chat.alice, "POST", "/files").header("Upload-Incomplete", "?0").body("hello");
    let append = chat
        .request(&chat.alice, "PATCH", &upload)
        .header("Content-Type", "application/partial-upload")
        .header("Upload-Offset", 0)
        .body("hello");
    let apple = chat.request(&chat.alice, "POST", "/files").header("Upload-Draft-Interop-Version", 6);
    for request in [creation, whole, append, apple] {
        let answer: Response = request.send().await;
        assert_eq!(answer.expect("Tus-Version"), "1.0.0");
        let detail = check_detail(&answer, 412);
        assert!(detail.contains("IETF") && detail.contains("1.0.0"), "{detail}");
    }
    let plain = check_detail(&chat.request(&chat.alice, "POST", "/files").send().await, 412);
    assert!(!plain.contains("IETF"), "{plain}");
    assert_eq!(tus::offset(&chat, &upload).await, 0);
}

/// GET of an upload gives its bytes unless the client prefers JSON. axios sends `application/json,
/// text/plain, */*` with every request.
#[tokio::test]
async fn a_get_of_an_upload_gives_its_bytes_unless_json_is_preferred() {
    let chat = Chat::start().await;
    let location = tus::create(&chat, 11, &[("filename", "a.json")]).await;
    tus::append(&chat, &location, 0, b"{\"a\": true}").await.expecting(204);
    let get = |accept: &[&str]| -> Request {
        let request = chat.request(&chat.alice, "GET", &location);
        accept.iter().fold(request, |request, value| request.header("Accept", value))
    };
    for (accept, is_status) in [
        (&[][..], false),
        (&["application/json, text/plain, */*"], false),
        (&["application/json", "*/*"], false),
        (&["application/json"], true),
        (&["application/json, text/plain, */*;q=0.1"], true),
    ] {
        let answer = get(accept).send().await.expecting(200);
        let body: Value = serde_json::from_slice(&answer.body).expect("both are JSON");
        let state = &body["state"];
        assert_eq!(state.is_string(), is_status, "{accept:?}: {state}");
        assert!(answer.head.list("Vary").contains(&"accept".to_owned()));
        let range = get(accept).header("Range", "bytes=1-3").send().await.expecting(206);
        assert_eq!(range.body, b"\"a\"", "{accept:?}");
    }
    let unfinished = tus::create(&chat, 5, &[]).await;
    let json = chat.request(&chat.alice, "GET", &unfinished).header("Accept", "application/json");
    assert_eq!(json.clone().send().await.expecting(200).json()["is_partial"], json!(false));
    check_detail(&json.header("Range", "bytes=0-").send().await, 409);
}
