//! `send_message`, and what its sender and the other members are told.

use super::*;

#[tokio::test]
async fn a_file_in_base64_becomes_a_message_that_everybody_hears_once() {
    let server = Server::start().await;
    let [mut sender, mut member] = [server.connect("alice").await, server.connect("bob").await];
    let mut stranger = server.connect("eve").await;
    for event in ["join_conversation", "leave_conversation", "join_conversation"] {
        let (answer, _) = member.emit(event, &json!({"conversation_id": CONVERSATION})).await;
        assert_eq!(answer, json!({"success": true}));
    }
    let (answer, mut heard) = sender.emit("send_message", &payload()).await;
    assert_eq!((&answer["success"], &answer["message"]["file_size"]), (&json!(true), &json!(5)));
    let sent = ("new_message".to_owned(), answer["message"].clone());
    let mut heard_by_member = Vec::new();
    for (client, heard) in [(&mut sender, &mut heard), (&mut member, &mut heard_by_member)] {
        while heard.len() < 3 {
            heard.push(client.event().await);
        }
        assert_eq!((heard[0].0.as_str(), heard[2].0.as_str()), ("upload_started", "upload_finished"));
        assert_eq!(heard[1], sent);
    }
    let marker = Announcement::UploadCancelled(progress());
    server.announce(&["alice", "bob", "eve"], &marker).await.expect("handed over");
    for client in [&mut sender, &mut member, &mut stranger] {
        assert_eq!(client.event().await.0, "upload_cancelled", "that was all");
    }
}

#[tokio::test]
async fn the_same_client_message_id_is_answered_with_the_same_message() {
    let server = Server::start().await;
    let mut sender = server.connect("alice").await;
    let (first, _) = sender.emit("send_message", &payload()).await;
    let (second, _) = sender.emit("send_message", &payload()).await;
    assert_eq!(first["success"], true);
    assert_eq!(first, second);
}

#[tokio::test]
async fn failures_are_answered_in_order_of_their_weight_and_emitted_too() {
    let server = Server::start().await;
    let [mut member, mut stranger] = [server.connect("alice").await, server.connect("eve").await];
    let with = |changes: Value| {
        let mut payload = payload();
        for (key, value) in changes.as_object().expect("an object") {
            payload[key] = value.clone();
        }
        payload
    };
    let big = "A".repeat(usize::try_from(MAX_SIZE).expect("fits") * 4 / 3 + 4);
    let not_for_her = "You are not a participant in this conversation";
    let too_large = format!("The file is larger than the server accepts: at most {MAX_SIZE} bytes");
    let once = || json!("once");
    for (is_member, payload, code, detail, id) in [
        (
            false,
            with(json!({"conversation_id": "x", "file_data": "%"})),
            "invalid_conversation_id",
            "Invalid conversation_id",
            once(),
        ),
        (
            false,
            with(json!({"conversation_id": "0".repeat(24)})),
            "conversation_not_found",
            "Conversation not found",
            once(),
        ),
        (false, with(json!({"file_data": null})), "not_a_participant", not_for_her, once()),
        (true, with(json!({"file_data": null})), "missing_file", "Missing file_data", once()),
        (true, with(json!({"file_data": format!("{big}%")})), "file_too_large", &too_large, once()),
        (true, with(json!({"file_data": "aGVsbG8"})), "invalid_file", "file_data is not base64", once()),
        (
            true,
            with(json!({"client_message_id": "\n"})),
            "invalid_client_message_id",
            "Invalid client_message_id",
            Value::Null,
        ),
        (true, json!([1]), "invalid_payload", "Invalid payload", Value::Null),
        (true, Value::Null, "invalid_payload", "Invalid payload", Value::Null),
    ] {
        let client = if is_member { &mut member } else { &mut stranger };
        let (answer, _) = client.emit("send_message", &payload).await;
        assert_eq!(answer, json!({"success": false, "detail": detail, "code": code}));
        let failure = json!({"detail": detail, "code": code, "client_message_id": id});
        assert_eq!(client.other_event().await, ("message_error".into(), failure));
    }
}

#[tokio::test]
async fn joining_and_leaving_are_answered_like_everything_else() {
    let server = Server::start().await;
    let [mut member, mut stranger] = [server.connect("alice").await, server.connect("eve").await];
    for event in ["join_conversation", "leave_conversation"] {
        let nowhere = json!({"conversation_id": "0".repeat(24)});
        for (is_member, payload, code, detail) in [
            (
                false,
                json!({"conversation_id": CONVERSATION}),
                "not_a_participant",
                "You are not a participant in this conversation",
            ),
            (true, nowhere, "conversation_not_found", "Conversation not found"),
            (true, json!({"conversation_id": "x"}), "invalid_conversation_id", "Invalid conversation_id"),
            (true, json!({}), "invalid_conversation_id", "Invalid conversation_id"),
            (true, json!("x"), "invalid_payload", "Invalid payload"),
        ] {
            let client = if is_member { &mut member } else { &mut stranger };
            let (answer, _) = client.emit(event, &payload).await;
            assert_eq!(answer, json!({"success": false, "detail": detail, "code": code}));
            let failure = json!({"detail": detail, "code": code, "client_message_id": null, "event": event});
            assert_eq!(client.other_event().await, ("message_error".into(), failure));
        }
    }
}

#[tokio::test]
async fn an_event_that_nobody_knows_is_answered() {
    let server = Server::start().await;
    let mut client = server.connect("alice").await;
    for (event, payload, id) in [
        ("typing", json!({"conversation_id": CONVERSATION}), Value::Null),
        ("sendMessage", payload(), json!("once")),
        ("disconnect", Value::Null, Value::Null),
        ("new_message", json!([1]), Value::Null),
        ("", json!({}), Value::Null),
    ] {
        let detail = format!("Unknown event \"{event}\"");
        let (answer, _) = client.emit(event, &payload).await;
        assert_eq!(answer, json!({"success": false, "detail": detail, "code": "unknown_event"}));
        let failure =
            json!({"detail": detail, "code": "unknown_event", "client_message_id": id, "event": event});
        assert_eq!(client.other_event().await, ("message_error".into(), failure));
    }
    // One without an acknowledgement, and one with an attachment.
    client.send(r#"42["typing"]"#).await;
    assert_eq!(client.other_event().await.1["event"], "typing");
    client.send("451-[\"typing\",{\"_placeholder\":true,\"num\":0}]\x1ebAQI=").await;
    assert_eq!(client.other_event().await.1["event"], "typing");
}

#[tokio::test]
async fn half_a_character_is_no_reason_to_lose_a_message() {
    let server = Server::start().await;
    let mut client = server.connect("alice").await;
    let text = payload().to_string().replace("\"hi\"", r#""h\ud83d""#).replace("a b.txt", r"a\ude00b.txt");
    client.send(&format!(r#"42["send_message",{text}]"#)).await;
    let message = loop {
        let (event, data) = client.other_event().await;
        assert_ne!(event, "message_error", "{data}");
        if event == "new_message" {
            break data;
        }
    };
    assert_eq!((&message["content"], &message["file_name"]), (&json!("h\u{fffd}"), &json!("a\u{fffd}b.txt")));
    client.send(&format!(r#"42["send_message",{}]"#, text.replace("aGVsbG8=", r"\ud83d"))).await;
    loop {
        let (event, data) = client.other_event().await;
        if event == "message_error" {
            assert_eq!(
                data,
                json!({"detail": "file_data is not base64", "code": "invalid_file", "client_message_id": "once"})
            );
            break;
        }
    }
}

#[tokio::test]
async fn a_file_of_no_bytes_is_an_empty_file() {
    let server = Server::start().await;
    let mut client = server.connect("alice").await;
    for (number, data) in
        ["", "data:", "data:,", "data:;base64,", "data:image/png;base64,"].iter().enumerate()
    {
        let mut payload = payload();
        payload["file_data"] = json!(data);
        payload["client_message_id"] = json!(number.to_string());
        let (answer, _) = client.emit("send_message", &payload).await;
        assert_eq!(
            (&answer["success"], &answer["message"]["file_size"]),
            (&json!(true), &json!(0)),
            "{data:?}"
        );
    }
}

#[tokio::test]
async fn what_one_connection_sends_at_once_becomes_messages_in_that_order() {
    let server = Server::start().await;
    let [mut sender, mut member] = [server.connect("alice").await, server.connect("bob").await];
    let mut packets = Vec::new();
    for n in 0..20 {
        let payload =
            json!({"conversation_id": CONVERSATION, "content": n.to_string(), "file_data": "aGVsbG8="});
        packets.push(format!("42{}", json!(["send_message", payload])));
    }
    sender.send(&packets.join("\x1e")).await;
    for client in [&mut sender, &mut member] {
        let mut contents = Vec::new();
        while contents.len() < 20 {
            let (event, data) = client.other_event().await;
            if event == "new_message" {
                contents.push(data["content"].as_str().expect("text").to_owned());
            }
        }
        assert_eq!(contents, (0..20).map(|n| n.to_string()).collect::<Vec<_>>());
    }
}

pub(super) fn payload() -> Value {
    json!({
        "conversation_id": CONVERSATION, "content": "hi", "type": "file", "file_name": "a b.txt",
        "file_data": "aGVsbG8=", "client_message_id": "once"
    })
}
