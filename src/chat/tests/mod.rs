//! The adapter as clients meet it, over real connections to a real engine, on stores in memory.

mod client;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use serde_json::{Value, json};
use socketioxide::SocketIo;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Settings, SocketAnnouncements, State, close, open, serve};
use crate::auth::{Verifier, mint_hs256};
use crate::chats::Chats;
use crate::finalizer::Finalizer;
use crate::message::{Message, MessageId, UserId};
use crate::store::memory::{Memory, MemoryPayloads};
use crate::store::{Announcement, Announcements, Memberships, Progress, StoreError, Stores};
use crate::time::Timestamp;
use crate::upload::UploadId;
use crate::uploads::{Limits, Uploads};
use client::Client;

const SECRET: &str = "a secret of the tests";
const CONVERSATION: &str = "507f1f77bcf86cd799439012";
const MAX_SIZE: u64 = 100_000;

struct Server {
    address: SocketAddr,
    io: SocketIo,
    announcements: SocketAnnouncements,
}

impl Server {
    /// Alice and Bob share a conversation, and Eve is not in it.
    async fn start() -> Self {
        let server = Self::unserved().await;
        serve(&server.io, server.state().await);
        server
    }

    async fn unserved() -> Self {
        let (layer, io) = open(Settings::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let router: Router = Router::new().layer(layer);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, announcements: SocketAnnouncements::new(io.clone()), io }
    }

    async fn state(&self) -> State {
        let memory = Arc::new(Memory::new());
        let conversation = CONVERSATION.parse().expect("valid");
        memory.put(conversation, &[user("alice"), user("bob")]).await.expect("memory");
        let stores = Stores {
            records: memory.clone(),
            messages: memory.clone(),
            memberships: memory,
            payloads: Arc::new(MemoryPayloads::default()),
            announcements: Arc::new(self.announcements.clone()),
        };
        let tasks = TaskTracker::new();
        let finalizer = Finalizer::new(stores.clone(), tasks.clone());
        let worker = Arc::clone(&finalizer);
        tokio::spawn(async move { worker.work(CancellationToken::new()).await });
        let limits = Limits {
            max_upload_size: MAX_SIZE,
            expire_after_secs: 60,
            body_idle: Duration::from_secs(5),
            digests: true,
        };
        State {
            uploads: Arc::new(Uploads::new(
                stores.clone(),
                finalizer,
                limits,
                tasks,
                CancellationToken::new(),
            )),
            chats: Arc::new(Chats::new(stores.memberships, stores.messages, stores.payloads)),
            verifier: Arc::new(Verifier::hs256(SECRET).expect("a secret")),
            max_size: MAX_SIZE,
        }
    }

    async fn connect(&self, name: &str) -> Client {
        Client::connect(self.address, &token(name)).await
    }

    async fn announce(&self, to: &[&str], announcement: &Announcement) -> Result<(), StoreError> {
        let users: Vec<UserId> = to.iter().map(|name| user(name)).collect();
        self.announcements.announce(&users, announcement).await
    }
}

fn user(name: &str) -> UserId {
    format!("{name}@example.com").parse().expect("valid")
}

fn token(name: &str) -> String {
    mint_hs256(SECRET, &user(name), false, Timestamp::now().plus_secs(60))
}

fn message(id: u8) -> Message {
    Message {
        id: MessageId::from_bytes([id; 12]),
        conversation_id: CONVERSATION.parse().expect("valid"),
        sender: user("alice"),
        content: None,
        kind: crate::message::MessageKind::File,
        reply_to: None,
        created_at: Timestamp::from_millis(0),
        file_name: "a".into(),
        stored_name: "a".into(),
        file_size: 0,
        mime_type: "text/plain".into(),
        sha256: None,
        client_message_id: None,
        upload_id: UploadId::from_bytes([0; 16]).uuid(),
    }
}

fn progress() -> Progress {
    Progress {
        upload_id: UploadId::from_bytes([1; 16]),
        conversation_id: CONVERSATION.parse().expect("valid"),
        sender: user("alice"),
        file_name: "a.mp4".into(),
        offset: 1,
        length: Some(2),
    }
}

fn payload() -> Value {
    json!({
        "conversation_id": CONVERSATION, "content": "hi", "type": "file", "file_name": "a b.txt",
        "file_data": "aGVsbG8=", "client_message_id": "once"
    })
}

#[tokio::test]
async fn without_a_good_token_there_is_no_connection() {
    let server = Server::start().await;
    let expired = mint_hs256(SECRET, &user("alice"), false, Timestamp::from_millis(0));
    let forged = mint_hs256("another secret", &user("alice"), false, Timestamp::now().plus_secs(60));
    for auth in [
        String::new(),
        "{}".into(),
        r#"{"token":"nonsense"}"#.into(),
        format!(r#"{{"token":"{expired}"}}"#),
        format!(r#"{{"access_token":"{forged}"}}"#),
    ] {
        let mut client = Client::open(server.address, "", "").await;
        client.send(&format!("40{auth}")).await;
        assert_eq!(client.packet().await, r#"44{"message":"Unauthorized"}"#, "{auth}");
    }
}

#[tokio::test]
async fn every_place_of_a_token_is_looked_at() {
    let server = Server::start().await;
    let token = token("alice");
    for (query, headers, auth) in [
        (String::new(), String::new(), format!(r#"{{"token":"{token}"}}"#)),
        (String::new(), String::new(), format!(r#"{{"access_token":"{token}"}}"#)),
        (String::new(), format!("authorization: bearer {token}\r\n"), String::new()),
        (format!("token={token}"), String::new(), String::new()),
    ] {
        let mut client = Client::open(server.address, &query, &headers).await;
        client.send(&format!("40{auth}")).await;
        assert!(client.packet().await.starts_with(r#"40{"sid":"#), "{query} {headers} {auth}");
    }
}

#[tokio::test]
async fn each_connection_of_a_user_is_told_once() {
    let server = Server::start().await;
    let mut told =
        [server.connect("alice").await, server.connect("alice").await, server.connect("bob").await];
    let mut stranger = server.connect("eve").await;
    let announcement = Announcement::NewMessage(Box::new(message(1)));
    server.announce(&["alice", "bob", "alice", "nobody"], &announcement).await.expect("handed over");
    let marker = Announcement::UploadFinished(progress(), MessageId::from_bytes([2; 12]));
    server.announce(&["alice", "bob", "eve"], &marker).await.expect("handed over");

    let body = serde_json::to_value(message(1).body()).expect("serializable");
    for client in &mut told {
        assert_eq!(client.event().await, ("new_message".into(), body.clone()));
        assert_eq!(client.event().await.0, "upload_finished");
    }
    let (event, data) = stranger.event().await;
    assert_eq!((event.as_str(), &data["percent"]), ("upload_finished", &json!(50)));
}

#[tokio::test]
async fn what_is_for_nobody_is_told_to_nobody() {
    let server = Server::start().await;
    let mut client = server.connect("alice").await;
    server.announce(&[], &Announcement::UploadStarted(progress())).await.expect("handed over");
    server.announce(&["alice"], &Announcement::UploadCancelled(progress())).await.expect("handed over");
    assert_eq!(client.event().await.0, "upload_cancelled");
}

#[tokio::test]
async fn a_connection_that_does_not_read_takes_nothing_from_the_others() {
    let server = Server::start().await;
    let _deaf = server.connect("alice").await;
    let mut reader = server.connect("bob").await;
    for id in 0..12 {
        for _ in 0..100 {
            let announcement = Announcement::NewMessage(Box::new(message(id)));
            server.announce(&["alice", "bob"], &announcement).await.expect("handed over to those who read");
        }
        for _ in 0..100 {
            assert_eq!(reader.event().await.1["_id"], message(id).id.to_string());
        }
    }
}

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
    if heard.is_empty() {
        heard.push(sender.event().await);
    }
    assert_eq!((heard.len(), &heard[0]), (1, &sent));
    // The live event is a hint and may come before or after.
    let mut heard = [member.event().await, member.event().await];
    heard.sort_by(|(one, _), (other, _)| one.cmp(other));
    assert_eq!(heard[0], sent);
    assert_eq!(heard[1].0, "upload_finished");
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
    for (is_member, payload, detail, id) in [
        (
            false,
            with(json!({"conversation_id": "x", "file_data": "%"})),
            "Invalid conversation_id",
            json!("once"),
        ),
        (false, with(json!({"conversation_id": "0".repeat(24)})), "Conversation not found", json!("once")),
        (false, with(json!({"file_data": null})), not_for_her, json!("once")),
        (true, with(json!({"file_data": null})), "Missing file_data", json!("once")),
        (
            true,
            with(json!({"file_data": format!("{big}%")})),
            "The file is larger than the server accepts",
            json!("once"),
        ),
        (true, with(json!({"file_data": "aGVsbG8"})), "file_data is not base64", json!("once")),
        (true, with(json!({"client_message_id": "\n"})), "Invalid client_message_id", Value::Null),
        (true, json!([1]), "Invalid conversation_id", Value::Null),
        (true, Value::Null, "Invalid payload", Value::Null),
    ] {
        let client = if is_member { &mut member } else { &mut stranger };
        let (answer, _) = client.emit("send_message", &payload).await;
        assert_eq!(answer, json!({"success": false, "detail": detail}));
        let failure = json!({"detail": detail, "client_message_id": id});
        assert_eq!(client.event().await, ("message_error".into(), failure));
    }
    let (answer, _) = stranger.emit("join_conversation", &json!({"conversation_id": CONVERSATION})).await;
    assert_eq!(answer, json!({"success": false, "detail": not_for_her}));
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
            let (event, data) = client.event().await;
            if event == "new_message" {
                contents.push(data["content"].as_str().expect("text").to_owned());
            }
        }
        assert_eq!(contents, (0..20).map(|n| n.to_string()).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn before_serving_and_after_closing_nothing_is_taken_for_told() {
    let server = Server::unserved().await;
    let announcement = Announcement::NewMessage(Box::new(message(1)));
    let unavailable = |outcome| matches!(outcome, Err(StoreError::Unavailable(_)));
    assert!(unavailable(server.announce(&["alice"], &announcement).await));

    serve(&server.io, server.state().await);
    let mut client = server.connect("alice").await;
    server.announce(&["alice"], &announcement).await.expect("handed over");
    assert_eq!(client.event().await.0, "new_message");

    close(&server.io).await;
    assert!(unavailable(server.announce(&["alice"], &announcement).await));
}

#[tokio::test]
async fn closing_waits_for_nobody_who_does_not_read() {
    let server = Server::start().await;
    let _deaf = client::deaf(server.address, &token("alice")).await;
    let long = Message { file_name: "x".repeat(64 * 1024), ..message(1) };
    let announcement = Announcement::NewMessage(Box::new(long));
    for _ in 0..1000 {
        server.announce(&["alice"], &announcement).await.expect("handed over");
        tokio::task::yield_now().await;
    }
    let closing = tokio::time::timeout(Duration::from_secs(10), close(&server.io));
    closing.await.expect("in time");
}
