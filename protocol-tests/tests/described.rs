//! Answers and events match the schemas of `/openapi.json` and `/asyncapi.json`: they have no field that is
//! not described, and every field that is promised.

use std::collections::BTreeSet;

use harness::chat::{Chat, User};
use harness::http::{Request, Response};
use harness::multipart::Form;
use harness::script::Script;
use harness::tus;
use serde_json::{Map, Value, json};

/// A description whose objects may only have the keys that it names. It is stricter than the published one,
/// which lets keys be added.
struct Description(Value);

impl Description {
    async fn of(chat: &Chat, path: &str) -> Self {
        let mut description = chat.server.request("GET", path).send().await.expecting(200).json();
        close(&mut description["components"]["schemas"]);
        Self(description)
    }

    fn resolve<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value["$ref"].as_str() {
            Some(path) => {
                self.resolve(self.0.pointer(&path[1..]).unwrap_or_else(|| panic!("{path} is there")))
            }
            None => value,
        }
    }

    /// The schema of the data of this event or acknowledgement.
    fn payload(&self, message: &str) -> &Value {
        &self.0["components"]["messages"][message]["payload"]
    }

    /// Checks that a value is as a schema of the description has it.
    fn check(&self, schema: &Value, value: &Value, what: &str) {
        let mut root = schema.as_object().cloned().unwrap_or_default();
        root.insert("components".into(), self.0["components"].clone());
        let validator = jsonschema::draft202012::new(&Value::Object(root)).expect("a schema");
        let faults: Vec<_> = validator.iter_errors(value).map(|fault| fault.to_string()).collect();
        assert!(faults.is_empty(), "{what}: {value}: {faults:?}");
    }

    /// Checks the head and the body of an answer to this operation.
    fn check_answer(&self, method: &str, path: &str, answer: &Response) {
        let what = format!("{method} {path} {}", answer.status);
        let operation = &self.0["paths"][path][method];
        let described = self.resolve(&operation["responses"][answer.status.to_string()]);
        assert!(described.is_object(), "{what} is not described: {}", answer.text());
        let headers = described["headers"].as_object().cloned().unwrap_or_default();
        self.check_headers(&headers, answer, &what);
        let Some(content) = described["content"].as_object() else {
            assert!(answer.body.is_empty(), "{what} has a body: {}", answer.text());
            return;
        };
        let media_type = answer.expect("Content-Type").split(';').next().unwrap_or_default();
        let content = content.get(media_type).or_else(|| content.get("*/*"));
        let content =
            content.unwrap_or_else(|| panic!("{what} is described as another type than {media_type}"));
        if media_type == "application/json" {
            self.check(&content["schema"], &answer.json(), &what);
        }
    }

    /// Checks that every required header is there, that each header matches its schema, and that an answer
    /// that is no error has no undescribed header of tus or of this server.
    fn check_headers(&self, headers: &Map<String, Value>, answer: &Response, what: &str) {
        for (name, header) in headers {
            let header = self.resolve(header);
            match answer.header(name) {
                None => assert_ne!(header["required"], true, "{what} has no {name}"),
                Some(text) => {
                    let is_number = self.resolve(&header["schema"])["type"] == "integer";
                    let value = if is_number { json!(text.parse::<u64>().ok()) } else { json!(text) };
                    self.check(&header["schema"], &value, &format!("{what}: {name}"));
                }
            }
        }
        let own = ["Upload-", "Tus-", "Chat-"];
        let named: BTreeSet<_> = headers.keys().map(|name| name.to_lowercase()).collect();
        for (name, _) in answer.head.without(&[]).iter().filter(|_| answer.status < 400) {
            let is_own = own.iter().any(|own| name.to_lowercase().starts_with(&own.to_lowercase()));
            assert!(!is_own || named.contains(&name.to_lowercase()), "{what}: {name} is not described");
        }
    }

    /// Sends a request of this operation, and checks its answer.
    async fn ask(&self, request: Request, path: &str, status: u16) -> Response {
        let method = request.method().to_lowercase();
        let answer = request.send().await;
        self.check_answer(&method, path, &answer);
        answer.expecting(status)
    }
}

fn close(schema: &mut Value) {
    if let Value::Object(object) = schema {
        if object.contains_key("properties") && !object.contains_key("allOf") {
            object.insert("additionalProperties".into(), json!(false));
        }
        object.values_mut().for_each(close);
    } else if let Value::Array(array) = schema {
        array.iter_mut().for_each(close);
    }
}

const FILES: &str = "/files";
const IN_CONVERSATION: &str = "/conversations/{conversation_id}/files";
const UPLOAD: &str = "/files/{upload_id}";
const MEDIA: &str = "/uploads/chats/{message_id}/{filename}";

#[tokio::test]
async fn an_upload_is_answered_as_it_is_described() {
    let chat = Chat::start().await;
    let api = Description::of(&chat, "/openapi.json").await;
    let (alice, here) = (&chat.alice, &chat.conversation);
    let of_tus = |method: &str, target: &str| tus::request(&chat, alice, method, target);
    let in_chat = format!("/conversations/{here}/files");
    for (path, target) in [(FILES, FILES), (IN_CONVERSATION, &in_chat)] {
        api.ask(chat.server.request("OPTIONS", target), path, 200).await;
    }
    let keys = tus::metadata(&[("filename", "film.mp4"), ("client_message_id", "one")]);
    let create = || tus::creation(&chat, alice, &in_chat, 5).header("Upload-Metadata", &keys);
    let location = api.ask(create(), IN_CONVERSATION, 201).await.expect("Location").to_owned();
    api.ask(create(), IN_CONVERSATION, 201).await;
    let patch = |offset| tus::patch(&chat, alice, &location, offset);
    api.ask(patch(0).body(b"he"), UPLOAD, 204).await;
    api.ask(of_tus("HEAD", &location), UPLOAD, 200).await;
    api.ask(chat.request(alice, "GET", FILES), FILES, 200).await;
    api.ask(chat.request(alice, "GET", &location).header("Accept", "application/json"), UPLOAD, 200).await;
    let target = format!("/conversations/{here}/uploads");
    let live =
        api.ask(chat.request(&chat.bob, "GET", &target), "/conversations/{conversation_id}/uploads", 200);
    assert_eq!(live.await.json()["uploads"].as_array().map(Vec::len), Some(1));
    for (request, status) in [
        (chat.request(alice, "GET", &location), 409),
        (patch(0).body(b"he"), 409),
        (patch(2).body(b"too long"), 413),
        (patch(2).header("Upload-Checksum", "sha1 AAAAAAAAAAAAAAAAAAAAAAAAAAA=").body(b"llo"), 460),
        (chat.request(alice, "PATCH", &location), 412),
        (of_tus("PATCH", &location), 415),
        (tus::patch(&chat, &chat.eve, &location, 2), 404),
    ] {
        api.ask(request, UPLOAD, status).await;
    }
    let last = patch(2).header("Prefer", "return=representation").body(b"llo");
    api.ask(last, UPLOAD, 200).await;
    api.ask(patch(5), UPLOAD, 204).await;
    api.ask(of_tus("HEAD", &location), UPLOAD, 200).await;
    api.ask(chat.request(alice, "GET", &location).header("Accept", "application/json"), UPLOAD, 200).await;
    api.ask(chat.request(alice, "GET", &location).header("Range", "bytes=0-1"), UPLOAD, 206).await;
    api.ask(tus::creation(&chat, alice, &in_chat, 6).header("Upload-Metadata", &keys), IN_CONVERSATION, 422)
        .await;
    api.ask(of_tus("DELETE", &location), UPLOAD, 204).await;
    api.ask(of_tus("HEAD", &location), UPLOAD, 404).await;
    let deferred = of_tus("POST", FILES).header("Upload-Defer-Length", 1);
    let location = api.ask(deferred, FILES, 201).await.expect("Location").to_owned();
    api.ask(of_tus("HEAD", &location), UPLOAD, 200).await;
    api.ask(of_tus("POST", FILES), FILES, 400).await;
    api.ask(chat.server.request("POST", FILES).header("Tus-Resumable", "1.0.0"), FILES, 401).await;
}

#[tokio::test]
async fn messages_and_media_are_answered_as_they_are_described() {
    let chat = Chat::start().await;
    let api = Description::of(&chat, "/openapi.json").await;
    let (alice, here) = (&chat.alice, &chat.conversation);
    let form = Form::of("a.txt", b"hello", here).into_request(chat.one_shot(alice));
    let message = api.ask(form, "/messages/upload", 200).await.json()["message"].clone();
    api.ask(chat.one_shot(alice), "/messages/upload", 400).await;
    let id = message["_id"].as_str().expect("an id");

    let location = tus::create_unbound(&chat, 5).await;
    let bind = || {
        let body = json!({"upload_id": tus::id_of(&location), "conversation_id": here, "content": "hello"});
        chat.request(alice, "POST", "/messages").json(&body)
    };
    api.ask(bind(), "/messages", 202).await;
    tus::append(&chat, &location, 0, b"hello").await.expecting(204);
    api.ask(bind(), "/messages", 200).await;
    api.ask(chat.request(alice, "POST", "/messages").body(b"{"), "/messages", 400).await;

    let read = |user: &User, target: &str| chat.request(user, "GET", target);
    let in_chat = |what: &str| format!("/conversations/{here}/messages{what}");
    let (page, one) = ("/conversations/{conversation_id}/messages", "/messages/{message_id}");
    api.ask(read(alice, &in_chat("?limit=1")), page, 200).await;
    api.ask(read(alice, &in_chat("?limit=0")), page, 400).await;
    api.ask(read(&chat.eve, &in_chat("")), page, 403).await;
    api.ask(read(alice, &format!("/messages/{id}")), one, 200).await;
    api.ask(read(&chat.eve, &format!("/messages/{id}")), one, 404).await;
    let renew = chat.request(alice, "POST", &format!("/messages/{id}/media-link"));
    api.ask(renew, "/messages/{message_id}/media-link", 200).await;

    let text = |key: &str| message[key].as_str().expect("text").to_owned();
    let media = |method: &str| chat.request(&chat.bob, method, &text("media_url"));
    let link = |method: &str| chat.server.request(method, &text("media_link"));
    for (request, status) in [
        (media("GET"), 200),
        (media("HEAD"), 200),
        (media("GET").header("Range", "bytes=1-2"), 206),
        (media("GET").header("Range", "bytes=9-"), 416),
        (media("GET").header("If-Match", "\"other\""), 412),
        (link("GET"), 200),
        (link("HEAD"), 200),
        (chat.server.request("GET", &format!("{}x", text("media_link"))), 403),
        (chat.server.request("GET", &text("media_url")), 401),
    ] {
        api.ask(request, MEDIA, status).await;
    }
}

#[tokio::test]
async fn conversations_and_operations_are_answered_as_they_are_described() {
    let chat = Chat::start().await;
    let api = Description::of(&chat, "/openapi.json").await;
    let path = "/conversations/{conversation_id}";
    let put = |user: &User, body: &Value| {
        chat.request(user, "PUT", "/conversations/507f1f77bcf86cd7994390aa").json(body)
    };
    let good = json!({"participants": ["a"]});
    for (user, body, status) in [
        (&User::admin(), &good, 201),
        (&User::admin(), &good, 200),
        (&User::admin(), &json!({}), 400),
        (&chat.alice, &good, 403),
    ] {
        api.ask(put(user, body), path, status).await;
    }
    for path in ["/", "/healthz", "/readyz", "/metrics", "/docs", "/openapi.json", "/asyncapi.json"] {
        api.ask(chat.server.request("GET", path), path, 200).await;
    }
    api.ask(chat.server.request("GET", "/docs/api"), "/docs/{name}", 200).await;
    api.ask(chat.server.request("GET", "/docs/x"), "/docs/{name}", 404).await;
    let poll = "/socket.io/?EIO=4&transport=polling";
    api.ask(chat.server.request("GET", poll), "/socket.io/", 200).await;
    api.ask(chat.server.request("GET", &format!("{poll}&sid=x")), "/socket.io/", 400).await;
}

/// Events of Socket.IO itself, or of the script.
const OF_THE_SCRIPT: [&str; 4] = ["ready", "connect", "ack", "disconnect"];

fn check_events(events: &Description, client: &Script, heard: &mut BTreeSet<String>) {
    for seen in client.events() {
        let name = seen["event"].as_str().expect("a name");
        let message = &events.0["components"]["messages"][name];
        if OF_THE_SCRIPT.contains(&name) {
            continue;
        }
        assert!(message.is_object(), "{name} is not described: {seen}");
        events.check(&message["payload"], &seen["data"], name);
        heard.insert(name.to_owned());
    }
}

/// Has an upload break off, go on and finish, and another one ended; waits for what a member hears of each.
async fn every_event_of_uploads(chat: &Chat, listener: &Script) {
    let location = tus::create(chat, 100, &[("filename", "film.mp4")]).await;
    let mut dying = tus::patch(chat, &chat.alice, &location, 0).declared_length(100).open().await;
    dying.send(&[7; 40]).await;
    dying.finish().await;
    listener.saw("upload_paused").await;
    tus::append(chat, &location, 40, &[7; 20]).await.expecting(204);
    listener.saw("upload_progress").await;
    tus::append(chat, &location, 60, &[7; 40]).await.expecting(204);
    listener.saw("upload_finished").await;
    let ended = tus::create(chat, 100, &[("filename", "film.mp4")]).await;
    tus::request(chat, &chat.alice, "DELETE", &ended).send().await.expecting(204);
    listener.saw("upload_cancelled").await;
}

/// Emits every event that a client may emit, good ones and bad ones, and checks how each is answered.
async fn check_acknowledgements(events: &Description, chat: &Chat, client: &mut Script) {
    let here = json!({"conversation_id": chat.conversation});
    let nowhere = json!({"conversation_id": "507f1f77bcf86cd7994390ff"});
    let data = json!({
        "conversation_id": chat.conversation, "file_data": "aGVsbG8=", "file_name": null, "client_message_id": "x",
    });
    for (event, data, answer) in [
        ("send_message", &data, "message_sent"),
        ("send_message", &here, "message_sent"),
        ("join_conversation", &here, "done"),
        ("leave_conversation", &nowhere, "done"),
    ] {
        client.forget();
        client.order(&json!({"emit": event, "ack": event, "data": data})).await;
        events.check(events.payload(answer), &client.saw("ack").await["answer"], event);
        let is_refused = client.saw("ack").await["answer"]["success"] == false;
        if is_refused {
            let failure = client.saw("message_error").await;
            events.check(events.payload("message_error"), &failure, "message_error");
        }
    }
}

async fn check_a_refused_connection(events: &Description, chat: &Chat) {
    let config = json!({"url": chat.server.url(), "auth": {"token": "x"}, "transports": ["websocket"]});
    let refused = Script::start("socket", &config).saw("connect_error").await;
    events.check(events.payload("connect_error"), &refused, "connect_error");
}

/// Connects with a message that the server knows, and with one that it does not.
async fn check_catching_up(events: &Description, chat: &Chat, known: Value) {
    for (after, is_all) in [(known, true), (json!("x"), false)] {
        let auth = json!({"token": chat.bob.token, "after": after});
        let config = json!({"url": chat.server.url(), "auth": auth, "transports": ["websocket"]});
        let caught_up = Script::start("socket", &config).saw("caught_up").await;
        events.check(events.payload("caught_up"), &caught_up, "caught_up");
        assert_eq!(caught_up["complete"], is_all, "{caught_up}");
    }
}

#[tokio::test]
async fn events_and_acknowledgements_are_as_they_are_described() {
    let chat = Chat::start().await;
    let events = Description::of(&chat, "/asyncapi.json").await;
    let [mut alice, bob] = [chat.socket(&chat.alice).await, chat.socket(&chat.bob).await];
    every_event_of_uploads(&chat, &bob).await;
    check_acknowledgements(&events, &chat, &mut alice).await;
    check_a_refused_connection(&events, &chat).await;
    let known = bob.saw("new_message").await["_id"].clone();
    check_catching_up(&events, &chat, known).await;

    let mut heard = BTreeSet::new();
    check_events(&events, &bob, &mut heard);
    let uploads =
        ["cancelled", "finished", "paused", "progress", "started"].map(|what| format!("upload_{what}"));
    let expected = uploads.into_iter().chain(["new_message".to_owned()]).collect();
    assert_eq!(heard, expected, "all that another member hears");
}
