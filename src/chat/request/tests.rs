use serde_json::{Value, json};

use super::*;
use crate::message::MAX_CONTENT_BYTES;

const CONVERSATION: &str = "507f1f77bcf86cd799439012";
const OTHER: &str = "507f1f77bcf86cd799439011";

fn payload() -> Value {
    json!({
        "conversation_id": CONVERSATION, "content": "hi", "type": "image", "file_name": "a b.jpg",
        "file_data": "aGVsbG8=", "reply_to": OTHER, "client_message_id": "once"
    })
}

fn with(key: &str, value: Value) -> Value {
    let mut payload = payload();
    payload[key] = value;
    payload
}

fn without(key: &str) -> Value {
    let mut payload = payload();
    payload.as_object_mut().expect("an object").remove(key);
    payload
}

fn event(payload: &Value) -> Bytes {
    Bytes::from(json!(["send_message", payload]).to_string())
}

fn read(payload: &Value) -> Result<Item, PayloadError> {
    Reading::of(&event(payload)).request?.item
}

fn refusal(payload: &Value) -> Option<String> {
    read(payload).err().map(|error| error.to_string())
}

fn bytes_of(item: Item) -> Vec<u8> {
    item.data.map(|piece| piece.expect("base64")).collect::<Vec<Bytes>>().concat()
}

#[test]
fn a_whole_payload_is_read() {
    let item = read(&payload()).expect("valid");
    let expected = Binding {
        conversation_id: CONVERSATION.parse().expect("valid"),
        content: Some("hi".into()),
        reply_to: Some(OTHER.parse().expect("valid")),
        client_message_id: Some("once".parse().expect("valid")),
    };
    assert_eq!(item.binding, expected);
    assert_eq!(item.metadata, Metadata::of([("filename", "a b.jpg")]));
    assert_eq!(bytes_of(item), b"hello");
}

#[test]
fn everything_but_conversation_and_file_may_be_missing() {
    let least = json!({"conversation_id": CONVERSATION.to_uppercase(), "file_data": "aGVsbG8="});
    let nulls = json!({
        "conversation_id": CONVERSATION, "file_data": "aGVsbG8=", "content": null, "type": null,
        "file_name": null, "reply_to": null, "client_message_id": null, "unknown": {"a": [1, "b"]}
    });
    let empty = json!({
        "conversation_id": CONVERSATION, "file_data": "aGVsbG8=", "content": "", "file_name": "", "reply_to": "",
        "client_message_id": ""
    });
    for payload in [least, nulls, empty] {
        let item = read(&payload).expect("valid");
        assert_eq!(item.binding.conversation_id.to_string(), CONVERSATION);
        let Binding { content, reply_to, client_message_id, .. } = item.binding;
        assert_eq!((content, reply_to, client_message_id), (None, None, None));
        assert_eq!(item.metadata.file_name(), Ok("file"));
    }
}

#[test]
fn bad_values_are_named() {
    let long = |bytes| json!("x".repeat(bytes));
    for (payload, detail) in [
        (without("conversation_id"), "Invalid conversation_id"),
        (with("conversation_id", json!(null)), "Invalid conversation_id"),
        (with("conversation_id", json!("")), "Invalid conversation_id"),
        (with("conversation_id", json!(&CONVERSATION[1..])), "Invalid conversation_id"),
        (with("conversation_id", json!(format!("{CONVERSATION}0"))), "Invalid conversation_id"),
        (with("conversation_id", json!("z".repeat(24))), "Invalid conversation_id"),
        (with("conversation_id", json!(7)), "Invalid conversation_id"),
        (with("conversation_id", json!({"$oid": CONVERSATION})), "Invalid conversation_id"),
        (with("content", json!(7)), "Invalid content"),
        (with("content", long(MAX_CONTENT_BYTES + 1)), "content is longer than 4096 bytes"),
        (with("reply_to", json!("x")), "Invalid reply_to"),
        (with("reply_to", json!([])), "Invalid reply_to"),
        (with("client_message_id", json!("a\nb")), "Invalid client_message_id"),
        (with("client_message_id", json!("é")), "Invalid client_message_id"),
        (with("client_message_id", long(129)), "Invalid client_message_id"),
        (with("client_message_id", json!(1)), "Invalid client_message_id"),
        (with("type", json!("audio")), "Invalid type"),
        (with("type", json!("Image")), "Invalid type"),
        (with("type", json!("")), "Invalid type"),
        (with("type", json!(1)), "Invalid type"),
        (with("file_name", json!(1)), "Invalid file_name"),
        (with("file_name", long(1025)), "file_name is longer than 1024 bytes"),
        (without("file_data"), "Missing file_data"),
        (with("file_data", json!(null)), "Missing file_data"),
        (with("file_data", json!(12)), "Invalid file_data"),
        (with("file_data", json!({"_placeholder": true, "num": 0})), "Invalid file_data"),
        (with("file_data", json!("data:image/png,abc")), "file_data is a data URL without base64"),
        (with("file_data", json!("data:image/png;base64")), "file_data is a data URL without base64"),
        (with("file_data", json!("data:base64,YQ==")), "file_data is a data URL without base64"),
    ] {
        assert_eq!(refusal(&payload).as_deref(), Some(detail), "{payload:.200}");
    }
}

#[test]
fn good_values_at_their_limits_are_taken() {
    let long = |bytes| json!("x".repeat(bytes));
    for payload in [
        with("content", long(MAX_CONTENT_BYTES)),
        with("client_message_id", long(128)),
        with("client_message_id", json!("a b~")),
        with("file_name", long(1024)),
        with("type", json!("video")),
        with("type", json!("file")),
    ] {
        assert_eq!(refusal(&payload), None, "{payload:.200}");
    }
}

#[test]
fn what_is_not_one_object_is_no_payload() {
    for event in [
        r#"["send_message"]"#,
        r#"["send_message",null]"#,
        r#"["send_message","text"]"#,
        r#"["send_message",7]"#,
        r#"["send_message",{},{}]"#,
        r#"["send_message",[{}]]"#,
        r#"["send_message",{"#,
        "{}",
        "",
    ] {
        let reading = Reading::of(&Bytes::from_static(event.as_bytes()));
        assert_eq!(reading.request.err(), Some(PayloadError::Shape), "{event}");
        assert_eq!(reading.client_message_id, None);
        assert_eq!(conversation_of(&Bytes::from_static(event.as_bytes())), Err(PayloadError::Shape));
    }
}

#[test]
fn half_a_character_is_read_as_u_fffd_or_its_field_is_named() {
    let of = |payload: &str| Reading::of(&Bytes::from(format!(r#"["send_message",{payload}]"#)));
    let good = |more: &str| {
        format!(
            r#"{{"conversation_id":"{CONVERSATION}","file_data":"aGVsbG8=","client_message_id":"once"{more}}}"#
        )
    };
    let payload =
        good(r#","content":"a\ud83d","file_name":"\ude00\ud83d\ude00.txt","\ud83d":{"\ud83d":"\ud83d"}"#);
    let item = of(&payload).request.expect("valid").item.expect("valid");
    assert_eq!(item.binding.content.as_deref(), Some("a\u{fffd}"));
    assert_eq!(item.metadata.file_name(), Ok("\u{fffd}😀.txt"));
    assert_eq!(bytes_of(item), b"hello");
    for (more, detail) in [
        (r#","reply_to":"\ud83d""#, "Invalid reply_to"),
        (r#","type":"\ud83d""#, "Invalid type"),
        (r#","content":7"#, "Invalid content"),
    ] {
        let reading = of(&good(more));
        let error = reading.request.expect("a conversation").item.expect_err("refused");
        assert_eq!(error.to_string(), detail);
        assert_eq!(reading.client_message_id.expect("read").as_str(), "once");
    }
    let halved = CONVERSATION.replace("507f", "\\ud83d");
    for payload in [good("").replace(CONVERSATION, &halved), good("").replace("once", "\\ud83d")] {
        let reading = of(&payload);
        let error = reading.request.and_then(|request| request.item).expect_err("refused").to_string();
        let named = if payload.contains(&halved) { "conversation_id" } else { "client_message_id" };
        assert_eq!(error, format!("Invalid {named}"));
    }
}

#[test]
fn what_is_refused_as_a_whole_still_gives_back_its_id() {
    let object = format!(r#"{{"conversation_id":"{CONVERSATION}","client_message_id":"once""#);
    for (event, error) in [
        (format!(r#"["send_message",{object}}},{{}}]"#), PayloadError::Shape),
        (format!(r#"["send_message",{object}}},null,"x"]"#), PayloadError::Shape),
        (
            format!(r#"["send_message",{object},"content":"a","content":"b"}}]"#),
            PayloadError::Twice("content"),
        ),
        (format!(r#"["send_message",{object},"type":7,"type":7}}]"#), PayloadError::Twice("type")),
        (
            format!(r#"["send_message",{object},"client_message_id":"twice"}}]"#),
            PayloadError::Twice("client_message_id"),
        ),
    ] {
        let event = Bytes::from(event);
        let reading = Reading::of(&event);
        assert_eq!(reading.request.err(), Some(error.clone()), "{event:?}");
        assert_eq!(reading.client_message_id.expect("read").as_str(), "once");
        assert_eq!(conversation_of(&event), Err(error));
    }
}

#[test]
fn the_conversation_is_known_before_anything_else_is_judged() {
    let bad = json!({"conversation_id": CONVERSATION, "client_message_id": "é", "content": 1});
    let request = Reading::of(&event(&bad)).request.expect("a conversation");
    assert_eq!(request.conversation_id.to_string(), CONVERSATION);
    assert!(request.item.is_err());
    assert_eq!(conversation_of(&event(&bad)).map(|id| id.to_string()).as_deref(), Ok(CONVERSATION));
}

#[test]
fn a_failure_carries_the_senders_id_if_it_is_one() {
    let of = |payload| Reading::of(&event(&payload)).client_message_id.map(|id| id.as_str().to_owned());
    assert_eq!(of(with("conversation_id", json!(7))).as_deref(), Some("once"));
    assert_eq!(of(without("file_data")).as_deref(), Some("once"));
    assert_eq!(of(with("client_message_id", json!("a\nb"))), None);
}

#[test]
fn a_data_url_declares_its_type_and_bare_base64_none() {
    for (file_data, declared, bytes) in [
        ("aGVsbG8=", None, "hello"),
        (" aGVs\nbG8= ", None, "hello"),
        ("data:image/png;base64,aGVsbG8=", Some("image/png"), "hello"),
        ("DATA:Image/PNG;BASE64,aGVsbG8=", Some("image/png"), "hello"),
        ("\n data:image/png; base64,aGVs\r\nbG8=\n", Some("image/png"), "hello"),
        ("data:text/plain;charset=utf-8;base64,aGVsbG8=", Some("text/plain"), "hello"),
        ("data:;base64,aGVsbG8=", None, "hello"),
        ("data:nonsense;base64,aGVsbG8=", None, "hello"),
        ("data:image/png;base64,", Some("image/png"), ""),
        ("", None, ""),
        (" \n", None, ""),
        ("data:", None, ""),
        (" DATA:\n", None, ""),
        ("data:,", None, ""),
        ("data:;base64,", None, ""),
        ("data:application/octet-stream;base64,", Some("application/octet-stream"), ""),
        ("data:text/plain,", Some("text/plain"), ""),
        ("data:text/plain;charset=utf-8,\n", Some("text/plain"), ""),
    ] {
        let item = read(&with("file_data", json!(file_data))).expect(file_data);
        let essence = item.metadata.file_type().expect("text").map(|t| t.essence().to_owned());
        assert_eq!(essence.as_deref(), declared, "{file_data}");
        assert_eq!(item.data.decoded_len(), bytes.len() as u64, "{file_data}");
        assert_eq!(bytes_of(item), bytes.as_bytes(), "{file_data}");
    }
}

#[test]
fn escapes_in_the_json_are_not_the_files() {
    let text = r#"["send_message",{"conversation_id":"507f1f77bcf86cd799439012","file_data":"data:image\/png;base64,aGVs\nbG8="}]"#;
    let item = Reading::of(&Bytes::from_static(text.as_bytes())).request.expect("valid").item.expect("valid");
    assert_eq!(bytes_of(item), b"hello");
}

#[test]
fn the_file_is_a_part_of_the_event_and_not_a_copy() {
    let event = event(&with("file_data", json!("data:image/png;base64,aGVsbG8=")));
    let before = event.clone();
    let item = Reading::of(&event).request.expect("valid").item.expect("valid");
    drop(event);
    assert!(!before.is_unique(), "the item keeps the event's own bytes");
    drop(item);
    assert!(before.is_unique());
}
