//! Clients that attack `/socket.io`, with and without a token: each is stopped at its bounds, and other users
//! are served meanwhile.

use data_encoding::BASE64;
use harness::attack::{self, ALLOWED, WAVE};
use harness::chat::{Chat, check_code, check_detail};
use harness::http::{Connection, Request};
use harness::note::note;
use harness::server::Setup;
use harness::wait;
use serde_json::json;
use std::time::Instant;
use tokio::task::JoinSet;

mod sessions;

use sessions::{MIB, POLLING, end, frame, session, session_of, websocket};

#[tokio::test(flavor = "multi_thread")]
async fn handshakes_without_end_are_503_and_cost_little() {
    let _alone = harness::heavy::alone().await;
    let chat = Chat::start().await;
    let request = chat.server.request("GET", POLLING).header("X-Filler", "a".repeat(4000));
    let mut refused = 0;
    attack::goes_on(&chat, ALLOWED, async || {
        let end = Instant::now() + WAVE;
        let attackers = (0..16).map(|number| {
            // An `Upgrade` header makes no difference: the target tells the transport.
            let request =
                if number % 2 == 0 { request.clone() } else { request.clone().header("Upgrade", "x") };
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
        for attacker in attackers.collect::<Vec<_>>() {
            refused += attacker.await.expect("an attacker");
        }
    })
    .await;
    note(format_args!("{refused} handshakes were refused"));
    assert!(refused > 100);
    // Sessions that never show a token end, and make room.
    wait::until_true("there is room again", async || {
        chat.server.request("GET", POLLING).send().await.status == 200
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_of_a_handshake_is_not_kept() {
    let chat = Chat::start().await;
    let long = format!("{POLLING}&token={}", "a".repeat(21_000));
    attack::goes_on(&chat, ALLOWED, async || {
        check_detail(&chat.server.request("GET", &long).send().await, 431);
    })
    .await;
}

/// A POST to a session with this declared length.
fn post(chat: &Chat, target: &str, length: u64) -> Request {
    chat.server.request("POST", target).declared_length(length)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strangers_body_of_50_mib_is_413_before_it_is_sent() {
    let chat = Chat::start().await;
    attack::goes_on(&chat, ALLOWED, async || {
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
            end(&chat, &target).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poll_of_too_many_packets_is_413() {
    let chat = Chat::start().await;
    let many = ["40/a,"; 17].join("\u{1e}");
    attack::goes_on(&chat, ALLOWED, async || {
        let target = session(&chat).await;
        check_detail(&chat.server.request("POST", &target).body(many.clone()).send().await, 413);
        end(&chat, &target).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_bodies_of_sessions_are_408_and_make_room() {
    let setup = Setup::default().setting("--idle-timeout", 1).setting("--max-connections", 13);
    let chat = Chat::on(setup).await;
    attack::goes_on(&chat, ALLOWED, async || {
        for target in [session(&chat).await, session_of(&chat, &chat.alice).await] {
            let mut silent = Vec::new();
            for _ in 0..12 {
                let mut connection = post(&chat, &target, 5000).open().await;
                connection.send(b"4").await;
                silent.push(connection);
            }
            for connection in &mut silent {
                check_detail(&connection.answer().await, 408);
            }
        }
    })
    .await;
}

/// The bound is per user: a session for each body does not raise it.
#[tokio::test(flavor = "multi_thread")]
async fn a_users_bodies_are_bounded_while_they_are_read_and_others_send() {
    let _alone = harness::heavy::alone().await;
    let chat = Chat::start().await;
    let mut other = chat.socket(&chat.bob).await;
    let (piece, mut number) = (vec![b'a'; 1 << 20], 0);
    // Beyond the usual, the server holds the bytes that it read, and their text.
    attack::goes_on(&chat, ALLOWED + 272 * MIB, async || {
        let mut bodies = JoinSet::new();
        for _ in 0..14 {
            let target = session_of(&chat, &chat.alice).await;
            let mut connection = post(&chat, &target, 50 << 20).open().await;
            let mut sent = 0;
            while sent < 40 && connection.pour(&piece).await {
                sent += 1;
            }
            bodies.spawn(async move { (connection.answer().await.status, connection) });
        }
        // Three bodies fit into a user's share. The client may have sent all of a fourth one before it is
        // refused: the kernel buffers megabytes.
        let mut refused = Vec::new();
        while refused.len() < 11 {
            refused.push(bodies.join_next().await.expect("fourteen were sent").expect("it is answered"));
        }
        assert!(refused.iter().all(|(status, _)| *status == 503), "{refused:?}");
        number += 1;
        let bytes = BASE64.encode(&vec![9; 10 << 20]);
        let data = json!({"conversation_id": chat.conversation, "file_name": "a.bin", "file_data": bytes});
        other.order(&json!({"emit": "send_message", "ack": number, "data": data})).await;
        let ack = other.saw_with("ack", |ack| ack["of"] == number).await;
        assert_eq!(ack["answer"]["success"], true, "{}", ack["answer"]["detail"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespaces_name_is_short_over_polling() {
    let chat = Chat::start().await;
    let long = format!("40/{},", "a".repeat(64));
    attack::goes_on(&chat, ALLOWED, async || {
        for target in [session(&chat).await, session_of(&chat, &chat.alice).await] {
            let answer = chat.server.request("POST", &target).body(long.clone()).send().await;
            assert_eq!(check_detail(&answer, 400), "A namespace's name has at most 64 bytes");
            end(&chat, &target).await;
        }
    })
    .await;
}

/// A session with a token has the same limit of namespaces as one without, however long it lasts.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_asks_for_few_namespaces() {
    let chat = Chat::start().await;
    attack::goes_on(&chat, ALLOWED, async || {
        let target = session_of(&chat, &chat.alice).await;
        for _ in 0..15 {
            chat.server.request("POST", &target).body("40/a,").send().await.expecting(200);
        }
        let answer = chat.server.request("POST", &target).body("40/a,").send().await;
        assert_eq!(check_code(&answer, 413, "session_limit"), "A session may ask for a namespace 16 times");
        end(&chat, &target).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strangers_frames_are_small() {
    let _alone = harness::heavy::alone().await;
    let chat = Chat::start().await;
    let (text, bytes) = (1, 2);
    attack::goes_on(&chat, ALLOWED, async || {
        for attack in [
            frame(text, 49 << 20, &[b'4'; 4096]),
            frame(bytes, 49 << 20, &[0; 4096]),
            frame(text, (64 << 10) + 1, b"4"),
            frame(text, 70, &[b"40/", &[b'a'; 67][..]].concat()),
            frame(text, 5, b"40/a,").repeat(17),
        ] {
            let mut sessions = Vec::new();
            for _ in 0..100 {
                let mut connection = websocket(&chat).await;
                // The server may close the connection in the middle.
                _ = connection.try_send(&attack).await;
                sessions.push(connection);
            }
            for connection in &mut sessions {
                connection.gone().await;
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_come_back_in_errors_cost_nothing() {
    let _alone = harness::heavy::alone().await;
    let chat = Chat::start().await;
    let names: Vec<_> = (0..16).map(|_| format!("40/{},", "a".repeat(63))).collect();
    attack::goes_on(&chat, ALLOWED, async || {
        // The client never reads the errors.
        let target = session(&chat).await;
        chat.server.request("POST", &target).body(names.join("\u{1e}")).send().await.expecting(200);
        let large = format!("40/{},", "a".repeat(1 << 20));
        check_detail(&chat.server.request("POST", &target).body(large).send().await, 413);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn large_events_that_say_little_are_refused_unread() {
    let _alone = harness::heavy::alone().await;
    let chat = Chat::start().await;
    let mut socket = chat.socket(&chat.alice).await;
    let mut number = 0;
    attack::goes_on(&chat, ALLOWED, async || {
        for event in ["join_conversation", "leave_conversation"] {
            number += 1;
            let data = json!({"conversation_id": chat.conversation, "padding": "a".repeat(5000)});
            socket.order(&json!({"emit": event, "ack": number, "data": data})).await;
            let ack = socket.saw_with("ack", |ack| ack["of"] == number).await;
            let code = "payload_too_long";
            let detail = "The payload is longer than 4096 bytes";
            assert_eq!(ack["answer"], json!({"success": false, "detail": detail, "code": code}));
            let told = socket.saw_with("message_error", |told| told["event"] == event).await;
            assert_eq!(
                told,
                json!({"detail": detail, "code": code, "client_message_id": null, "event": event})
            );
            socket.forget();
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn websockets_take_places_of_connections() {
    let chat = Chat::on(Setup::default().setting("--max-connections", 5)).await;
    attack::goes_on(&chat, ALLOWED, async || {
        let mut open = Vec::new();
        for _ in 0..5 {
            open.push(websocket(&chat).await);
        }
        // The answer comes once a place is free: WebSockets that never show a token are closed.
        chat.server.request("GET", "/healthz").send().await.expecting(200);
        open.remove(0).gone().await;
    })
    .await;
}
