//! Events that tell members of uploads under way, by every way in.

use harness::chat::{Chat, check_code, conversation_id};
use harness::multipart::{Form, content_type};
use harness::script::Script;
use harness::tus;
use serde_json::{Value, json};

/// The events of an upload and its message as a client saw them, in order.
fn seen(client: &Script, upload: &str) -> Vec<(String, Value)> {
    let of_upload = |event: &Value| {
        let data = &event["data"];
        let is_live =
            event["event"].as_str().is_some_and(|name| name.starts_with("upload_") || name == "new_message");
        is_live && data["upload_id"] == upload
    };
    let events = client.events().into_iter().filter(of_upload);
    events.map(|event| (event["event"].as_str().expect("a name").to_owned(), event["data"].clone())).collect()
}

fn names(events: &[(String, Value)]) -> Vec<&str> {
    let mut names: Vec<_> = events.iter().map(|(name, _)| name.as_str()).collect();
    names.dedup();
    names
}

fn is_about(event: &Value, file_name: &str, length: &Value, own: bool) {
    assert_eq!(event["file_name"], file_name, "{event}");
    assert_eq!((&event["mime_type"], &event["type"]), (&json!("video/mp4"), &json!("video")), "{event}");
    assert_eq!((&event["length"], &event["own"]), (length, &json!(own)), "{event}");
    assert!(event["offset"].is_u64() && event["percent"].is_u64(), "{event}");
}

#[tokio::test]
async fn every_way_in_starts_then_is_a_message_then_is_finished() {
    let chat = Chat::start().await;
    let [mut alice, bob] = [chat.socket(&chat.alice).await, chat.socket(&chat.bob).await];

    let location = tus::create(&chat, 5, &[("filename", "tus.mp4")]).await;
    tus::append(&chat, &location, 0, b"whole").await.expecting(204);
    let by_tus = tus::id_of(&location).to_owned();

    let conversation_last =
        Form::new().file("file", "video/mp4", b"whole").field("conversation_id", &chat.conversation);
    let answer = conversation_last.into_request(chat.one_shot(&chat.alice)).send().await.expecting(200);
    let conversation_first = answer.json()["message"].clone();

    let data = json!({"conversation_id": chat.conversation, "file_name": "s.mp4", "file_data": "d2hvbGU="});
    alice.order(&json!({"emit": "send_message", "ack": "sent", "data": data})).await;
    let by_socket = alice.saw("ack").await["answer"]["message"].clone();

    let form = Form::new().field("conversation_id", &chat.conversation).file("file", "video/mp4", b"whole");
    let answer = form.into_request(chat.one_shot(&chat.alice)).send().await.expecting(200);
    let id = |message: &Value| message["upload_id"].as_str().expect("an id").to_owned();
    let ids = [by_tus, id(&conversation_first), id(&by_socket), id(&answer.json()["message"])];
    for (client, own) in [(&alice, true), (&bob, false)] {
        for upload in &ids {
            let finished = client.saw_with("upload_finished", |seen| seen["upload_id"] == **upload).await;
            is_about(&finished, finished["file_name"].as_str().expect("a name"), &json!(5), own);
            assert_eq!((&finished["offset"], &finished["percent"]), (&json!(5), &json!(100)));
            let events = seen(client, upload);
            assert_eq!(names(&events), ["upload_started", "new_message", "upload_finished"]);
            assert_eq!(finished["message_id"], events[1].1["_id"]);
        }
    }
}

#[tokio::test]
async fn an_upload_whose_sender_vanishes_is_paused_and_goes_on() {
    let chat = Chat::start().await;
    let bob = chat.socket(&chat.bob).await;
    let location = tus::create(&chat, 100, &[("filename", "film.mp4")]).await;
    let mut dying = tus::patch(&chat, &chat.alice, &location, 0).declared_length(100).open().await;
    dying.send(&[7; 40]).await;
    dying.finish().await;
    let paused = bob.saw("upload_paused").await;
    is_about(&paused, "film.mp4", &json!(100), false);
    assert_eq!((&paused["offset"], &paused["percent"]), (&json!(40), &json!(40)));

    // A member that connects now is told that the upload is paused, and the list says so too.
    let late = chat.socket(&chat.bob).await;
    is_about(&late.saw("upload_started").await, "film.mp4", &json!(100), false);
    assert_eq!(late.saw("upload_paused").await["offset"], 40);
    let target = format!("/conversations/{}/uploads", chat.conversation);
    let list = chat.request(&chat.bob, "GET", &target).send().await.expecting(200).json();
    let listed = &list["uploads"][0];
    is_about(listed, "film.mp4", &json!(100), false);
    assert_eq!((&listed["paused"], &listed["upload_id"]), (&json!(true), &json!(tus::id_of(&location))));

    bob.forget();
    tus::append(&chat, &location, 40, &[7; 20]).await.expecting(204);
    assert_eq!(bob.saw("upload_progress").await["percent"], 60);
    // The connection stays open, and is silent for five seconds.
    let _silent = tus::patch(&chat, &chat.alice, &location, 60).declared_length(40).open().await;
    bob.saw("upload_paused").await;
    tus::append(&chat, &location, 60, &[7; 40]).await.expecting(204);
    bob.saw("upload_finished").await;
    let list = chat.request(&chat.bob, "GET", &target).send().await.json();
    assert_eq!(list, json!({"uploads": []}));
}

#[tokio::test]
async fn an_upload_interrupted_by_a_restart_is_listed_until_it_ends() {
    let chat = Chat::start().await;
    let location = tus::create(&chat, 100, &[("filename", "film.mp4")]).await;
    tus::append(&chat, &location, 0, &[7; 40]).await.expecting(204);
    chat.server.restart().await;
    let target = format!("/conversations/{}/uploads", chat.conversation);
    harness::wait::until_true("it is recalled", async || {
        let list = chat.request(&chat.alice, "GET", &target).send().await.expecting(200).json();
        list["uploads"].as_array().is_some_and(|uploads| uploads.len() == 1 && uploads[0]["percent"] == 40)
    })
    .await;
    let bob = chat.socket(&chat.bob).await;
    bob.saw("upload_paused").await;
    tus::request(&chat, &chat.alice, "DELETE", &location).send().await.expecting(204);
    is_about(&bob.saw("upload_cancelled").await, "film.mp4", &json!(100), false);
}

#[tokio::test]
async fn a_one_shot_that_breaks_off_is_cancelled() {
    let chat = Chat::start().await;
    let bob = chat.socket(&chat.bob).await;
    let form = Form::new().field("conversation_id", &chat.conversation).file("file", "video/mp4", &[7; 1000]);
    let mut dying = content_type(chat.one_shot(&chat.alice)).declared_length(10_000).open().await;
    dying.send(&form.unfinished()).await;
    bob.saw("upload_started").await;
    dying.finish().await;
    let cancelled = bob.saw("upload_cancelled").await;
    assert_eq!(cancelled["type"], "video");
    assert!(chat.messages().await.is_empty());
}

#[tokio::test]
async fn a_final_upload_that_waits_for_parts_has_progress() {
    let chat = Chat::start().await;
    let bob = chat.socket(&chat.bob).await;
    let mut parts = Vec::new();
    for _ in 0..2 {
        let part = tus::creation(&chat, &chat.alice, "/files", 50).header("Upload-Concat", "partial");
        parts.push(part.send().await.expecting(201).expect("Location").to_owned());
    }
    tus::append(&chat, &parts[0], 0, &[7; 50]).await.expecting(204);
    let whole =
        tus::request(&chat, &chat.alice, "POST", &format!("/conversations/{}/files", chat.conversation))
            .header("Upload-Concat", format!("final;{}", parts.join(" ")))
            .header("Upload-Metadata", tus::metadata(&[("filename", "film.mp4")]));
    let whole = whole.send().await.expecting(201).expect("Location").to_owned();
    // The final upload waits long enough for its other part to be announced as paused.
    is_about(&bob.saw("upload_paused").await, "film.mp4", &json!(100), false);
    tus::append(&chat, &parts[1], 0, &[8; 50]).await.expecting(204);
    is_about(&bob.saw("upload_progress").await, "film.mp4", &json!(100), false);
    bob.saw("upload_finished").await;
    let events = seen(&bob, tus::id_of(&whole));
    let expected = ["upload_started", "upload_paused", "upload_progress", "new_message", "upload_finished"];
    assert_eq!(names(&events), expected);
    assert_eq!((&events[2].1["offset"], &events[2].1["percent"]), (&json!(50), &json!(50)));
}

#[tokio::test]
async fn only_members_hear_of_uploads() {
    let chat = Chat::start().await;
    tus::create(&chat, 100, &[("filename", "film.mp4")]).await;
    let target = |id: &str| format!("/conversations/{id}/uploads");
    let here = target(&chat.conversation);
    check_code(&chat.request(&chat.eve, "GET", &here).send().await, 403, "not_a_participant");
    let nowhere = target(&conversation_id());
    check_code(&chat.request(&chat.bob, "GET", &nowhere).send().await, 404, "conversation_not_found");
    check_code(&chat.request(&chat.bob, "GET", &target("x")).send().await, 400, "invalid_conversation_id");
    check_code(&chat.server.request("GET", &here).send().await, 401, "missing_token");
    let stranger = chat.socket(&chat.eve).await;
    let member = chat.socket(&chat.alice).await;
    assert_eq!(member.saw("upload_started").await["own"], true);
    assert!(stranger.all("upload_started").is_empty());
    let list = chat.request(&chat.alice, "GET", &here).send().await.json();
    assert_eq!((&list["uploads"][0]["own"], &list["uploads"][0]["percent"]), (&json!(true), &json!(0)));
}
