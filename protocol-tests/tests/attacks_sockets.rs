//! Strangers below `/socket.io` who mean harm: each is refused within its bounds, and meanwhile others are served.

use std::time::{Duration, Instant};

use protocol_tests::http::{Connection, Request};
use protocol_tests::{Chat, Setup, User, check_detail, note, wait};
use serde_json::{Value, json};

mod well;

use well::{ALLOWED, is_well};

const POLLING: &str = "/socket.io/?EIO=4&transport=polling";
/// How long an attack goes on.
const TEN_SECONDS: Duration = Duration::from_secs(10);

fn sid_of(answer: &str) -> String {
    let session: Value = serde_json::from_str(answer.trim_start_matches('0')).expect("a handshake");
    session["sid"].as_str().expect("an id").to_owned()
}

/// A session of nobody.
async fn session(chat: &Chat) -> String {
    let answer = chat.server.request("GET", POLLING).send().await.expecting(200);
    format!("{POLLING}&sid={}", sid_of(&answer.text()))
}

/// A session of this user, over polling.
async fn session_of(chat: &Chat, user: &User) -> String {
    let target = session(chat).await;
    let connect = format!("40{}", json!({"token": user.token}));
    chat.server.request("POST", &target).body(connect).send().await.expecting(200);
    wait::until_true("the session has a user", async || {
        chat.server.request("GET", &target).send().await.text().contains("40{\"sid\"")
    })
    .await;
    target
}

/// A WebSocket of nobody.
async fn websocket(chat: &Chat) -> Connection {
    let mut connection = Connection::open(chat.server.address()).await;
    let upgrade = chat
        .server
        .request("GET", "/socket.io/?EIO=4&transport=websocket")
        .header("Connection", "Upgrade")
        .header("Upgrade", "websocket")
        .header("Sec-WebSocket-Version", 13)
        .header("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA==");
    connection.send(&upgrade.head()).await;
    assert_eq!(connection.head().await.status, 101);
    connection
}

/// A frame under an empty mask.
fn frame(opcode: u8, length: u64, payload: &[u8]) -> Vec<u8> {
    [&[0x80 | opcode, 0xff][..], &length.to_be_bytes(), &[0; 4], payload].concat()
}

/// Others are served while it goes on.
async fn others_are_served(chat: &Chat) {
    chat.server.request("GET", "/healthz").send().await.expecting(200);
    let message = chat.post("meanwhile.txt", b"x").await;
    assert_eq!(message["file_size"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn handshakes_without_end_are_503_and_cost_little() {
    let _alone = protocol_tests::alone().await;
    let chat = Chat::start().await;
    let request = chat.server.request("GET", POLLING).header("X-Filler", "a".repeat(4000));
    let end = Instant::now() + TEN_SECONDS;
    let attackers = (0..16).map(|number| {
        // It is the target that says how a session begins.
        let request = if number % 2 == 0 { request.clone() } else { request.clone().header("Upgrade", "x") };
        let address = chat.server.address();
        tokio::spawn(async move {
            let (mut connection, mut refused) = (Connection::open(address).await, 0_u32);
            while Instant::now() < end {
                let answer = connection.request(&request).await;
                if answer.status != 200 {
                    assert_eq!(check_detail(&answer, 503), "Too many sessions without a token");
                    assert_eq!(answer.expect("Retry-After"), "5");
                    refused += 1;
                }
            }
            refused
        })
    });
    let attackers: Vec<_> = attackers.collect();
    while Instant::now() < end {
        others_are_served(&chat).await;
    }
    let mut refused = 0;
    for attacker in attackers {
        refused += attacker.await.expect("an attacker");
    }
    note(format_args!("{refused} handshakes were refused"));
    assert!(refused > 100);
    is_well(&chat, ALLOWED).await;
    // Those that never say whose they are go, and make room.
    wait::until_true("there is room again", async || {
        chat.server.request("GET", POLLING).send().await.status == 200
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_of_a_handshake_is_not_kept() {
    let chat = Chat::start().await;
    let long = format!("{POLLING}&token={}", "a".repeat(21_000));
    let answer = chat.server.request("GET", &long).send().await;
    check_detail(&answer, 431);
    is_well(&chat, ALLOWED).await;
}

/// A POST of a session that announces this much.
fn post(chat: &Chat, target: &str, length: u64) -> Request {
    chat.server.request("POST", target).declared_length(length)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strangers_body_of_50_mib_is_413_before_it_is_sent() {
    let chat = Chat::start().await;
    for chunked in [false, true] {
        let target = session(&chat).await;
        let mut connection = if chunked {
            let mut connection = chat.server.request("POST", &target).chunked().open().await;
            while connection.pour_chunk(&[b'4'; 4096]).await {}
            connection
        } else {
            post(&chat, &target, 50 << 20).open().await
        };
        check_detail(&connection.answer().await, 413);
        others_are_served(&chat).await;
    }
    is_well(&chat, ALLOWED).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poll_of_too_many_packets_is_413() {
    let chat = Chat::start().await;
    let target = session(&chat).await;
    let many = ["40/a,"; 17].join("\u{1e}");
    check_detail(&chat.server.request("POST", &target).body(many).send().await, 413);
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_bodies_of_sessions_are_408_and_make_room() {
    let setup = Setup::default().setting("--idle-timeout", 1).setting("--max-connections", 13);
    let chat = Chat::on(setup).await;
    let targets = [session(&chat).await, session_of(&chat, &chat.alice).await];
    for target in targets {
        let mut silent = Vec::new();
        for _ in 0..12 {
            let mut connection = post(&chat, &target, 5000).open().await;
            connection.send(b"4").await;
            silent.push(connection);
        }
        others_are_served(&chat).await;
        for connection in &mut silent {
            check_detail(&connection.answer().await, 408);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_users_bodies_are_bounded_while_they_are_read() {
    let _alone = protocol_tests::alone().await;
    let chat = Chat::start().await;
    let target = session_of(&chat, &chat.alice).await;
    let mut connections = Vec::new();
    let piece = vec![b'a'; 1 << 20];
    let mut answers = Vec::new();
    for _ in 0..8 {
        let mut connection = post(&chat, &target, 50 << 20).open().await;
        let mut sent = 0;
        while sent < 40 && connection.pour(&piece).await {
            sent += 1;
        }
        if sent < 40 {
            answers.push(connection.answer().await.status);
        } else {
            connections.push(connection);
        }
        others_are_served(&chat).await;
    }
    assert!(!answers.is_empty() && answers.iter().all(|status| [400, 503].contains(status)), "{answers:?}");
    // What was read, once as it came and once as a text.
    is_well(&chat, ALLOWED + (200 << 20)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespaces_name_is_short_over_polling() {
    let chat = Chat::start().await;
    let long = format!("40/{},", "a".repeat(64));
    for target in [session(&chat).await, session_of(&chat, &chat.alice).await] {
        let answer = chat.server.request("POST", &target).body(long.clone()).send().await;
        assert_eq!(check_detail(&answer, 400), "A namespace's name has at most 64 bytes");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strangers_frames_are_small() {
    let _alone = protocol_tests::alone().await;
    let chat = Chat::start().await;
    let (text, bytes) = (1, 2);
    for (what, attack) in [
        ("one of 49 MiB", frame(text, 49 << 20, &[b'4'; 4096])),
        ("one of 49 MiB of bytes", frame(bytes, 49 << 20, &[0; 4096])),
        ("one that is a little too large", frame(text, (64 << 10) + 1, b"4")),
        ("a long name", frame(text, 70, &[b"40/", &[b'a'; 67][..]].concat())),
        ("many", frame(text, 5, b"40/a,").repeat(17)),
    ] {
        let mut sessions = Vec::new();
        for _ in 0..100 {
            let mut connection = websocket(&chat).await;
            // It may be cut off in the middle.
            _ = connection.try_send(&attack).await;
            sessions.push(connection);
        }
        others_are_served(&chat).await;
        for connection in &mut sessions {
            connection.gone().await;
        }
        note(format_args!("{what}: at most {} KiB", chat.server.peak_memory() >> 10));
    }
    is_well(&chat, ALLOWED).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_come_back_in_errors_cost_nothing() {
    let _alone = protocol_tests::alone().await;
    let chat = Chat::start().await;
    let name = "a".repeat(63);
    // As many as there is room for are sent and never read.
    for _ in 0..60 {
        let target = session(&chat).await;
        let names: Vec<_> = (0..16).map(|_| format!("40/{name},")).collect();
        chat.server.request("POST", &target).body(names.join("\u{1e}")).send().await.expecting(200);
        let large = format!("40/{},", "a".repeat(1 << 20));
        check_detail(&chat.server.request("POST", &target).body(large).send().await, 413);
    }
    others_are_served(&chat).await;
    is_well(&chat, ALLOWED).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn large_events_that_say_little_are_refused_unread() {
    let _alone = protocol_tests::alone().await;
    let chat = Chat::start().await;
    let mut socket = chat.socket(&chat.alice).await;
    for event in ["join_conversation", "leave_conversation"] {
        let data = json!({"conversation_id": chat.conversation, "padding": "a".repeat(5000)});
        socket.order(&json!({"emit": event, "ack": event, "data": data})).await;
        let ack = socket.saw_with("ack", |ack| ack["of"] == event).await;
        let detail = "The payload is longer than 4096 bytes";
        assert_eq!(ack["answer"], json!({"success": false, "detail": detail, "code": "payload_too_long"}));
        let told = socket.saw_with("message_error", |told| told["event"] == event).await;
        let failure = json!({
            "detail": detail, "code": "payload_too_long", "client_message_id": null, "event": event,
        });
        assert_eq!(told, failure);
        others_are_served(&chat).await;
    }
    is_well(&chat, ALLOWED).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn websockets_take_places_of_connections() {
    let chat = Chat::on(Setup::default().setting("--max-connections", 5)).await;
    let mut open = Vec::new();
    for _ in 0..5 {
        open.push(websocket(&chat).await);
    }
    let mut waiting = Connection::open(chat.server.address()).await;
    waiting.send(&chat.server.request("GET", "/healthz").head()).await;
    // It is answered once a place is free, which those that never say whose they are give up.
    assert_eq!(waiting.answer().await.status, 200);
    open.remove(0).gone().await;
}
