//! Strangers and users below `/socket.io` who mean harm: each is refused within its bounds, and meanwhile others are
//! served.

use std::time::Instant;

use data_encoding::BASE64;
use harness::attack::{self, ALLOWED, WAVE};
use harness::chat::{Chat, User, check_code, check_detail, conversation_id};
use harness::http::{Connection, Request};
use harness::note::note;
use harness::server::Setup;
use harness::wait;
use serde_json::{Value, json};
use tokio::task::JoinSet;

const POLLING: &str = "/socket.io/?EIO=4&transport=polling";
const MIB: u64 = 1 << 20;
/// Sessions of a user, of which it may have so many.
const MOST_SESSIONS: usize = 256;

fn sid_of(answer: &str) -> String {
    let session: Value = serde_json::from_str(answer.trim_start_matches('0')).expect("a handshake");
    session["sid"].as_str().expect("an id").to_owned()
}

/// A session of nobody, once there is room for one: each takes its place for ten seconds, however it ended.
async fn session(chat: &Chat) -> String {
    wait::until("there is room for a session", async || {
        let answer = chat.server.request("GET", POLLING).send().await;
        if answer.status == 503 {
            return None;
        }
        Some(format!("{POLLING}&sid={}", sid_of(&answer.expecting(200).text())))
    })
    .await
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

/// What a session is told next, pings aside.
async fn told(chat: &Chat, target: &str) -> String {
    wait::until("the session is told something", async || {
        let told = chat.server.request("GET", target).send().await.expecting(200).text();
        let told: Vec<_> = told.split('\u{1e}').filter(|packet| *packet != "2").collect();
        (!told.is_empty()).then(|| told.join("\u{1e}"))
    })
    .await
}

/// A WebSocket of nobody, once there is room for one.
async fn websocket(chat: &Chat) -> Connection {
    wait::until("there is room for a WebSocket", async || try_websocket(chat).await).await
}

async fn try_websocket(chat: &Chat) -> Option<Connection> {
    let mut connection = Connection::open(chat.server.address()).await;
    let upgrade = chat
        .server
        .request("GET", "/socket.io/?EIO=4&transport=websocket")
        .header("Connection", "Upgrade")
        .header("Upgrade", "websocket")
        .header("Sec-WebSocket-Version", 13)
        .header("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA==");
    connection.send(&upgrade.head()).await;
    let status = connection.head().await.status;
    assert!([101, 503].contains(&status), "{status}");
    (status == 101).then_some(connection)
}

/// A frame under an empty mask.
fn frame(opcode: u8, length: u64, payload: &[u8]) -> Vec<u8> {
    [&[0x80 | opcode, 0xff][..], &length.to_be_bytes(), &[0; 4], payload].concat()
}

/// Engine.io's word for the end of a session.
async fn end(chat: &Chat, target: &str) {
    chat.server.request("POST", target).body("1").send().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn handshakes_without_end_are_503_and_cost_little() {
    let _alone = harness::heavy::alone().await;
    let chat = Chat::start().await;
    let request = chat.server.request("GET", POLLING).header("X-Filler", "a".repeat(4000));
    let mut refused = 0;
    attack::goes_on(&chat, ALLOWED, async || {
        let end = Instant::now() + WAVE;
        let attackers = (0..16).map(|number| {
            // It is the target that says how a session begins.
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
    attack::goes_on(&chat, ALLOWED, async || {
        check_detail(&chat.server.request("GET", &long).send().await, 431);
    })
    .await;
}

/// A POST of a session that announces this much.
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

/// One that has a session for each of its bodies is no more than one user.
#[tokio::test(flavor = "multi_thread")]
async fn a_users_bodies_are_bounded_while_they_are_read_and_others_send() {
    let _alone = harness::heavy::alone().await;
    let chat = Chat::start().await;
    let mut other = chat.socket(&chat.bob).await;
    let (piece, mut number) = (vec![b'a'; 1 << 20], 0);
    // What was read, once as it came and once as a text.
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
        // Three of them fit into the share of a user. All of a fourth may have left its client before it is refused:
        // kernels keep megabytes between the two.
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

/// A session of a user asks for as few of them as one of nobody, however long it lasts.
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
                // It may be cut off in the middle.
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
        // What comes back is never read.
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
        // It is answered once a place is free, which those that never say whose they are give up.
        chat.server.request("GET", "/healthz").send().await.expecting(200);
        open.remove(0).gone().await;
    })
    .await;
}

/// A message whose text is as long as it may be, in the characters that take most room in JSON; and the event that has
/// its sender told of it once more.
async fn long_message(chat: &Chat) -> Value {
    long_message_of(chat, &chat.alice, &chat.conversation).await
}

/// The same of this user, in a conversation of the user's.
async fn long_message_of(chat: &Chat, user: &User, conversation: &str) -> Value {
    let mut data = json!({
        "conversation_id": conversation, "content": "\u{1}".repeat(4096), "file_data": "",
        "client_message_id": "long",
    });
    let mut socket = chat.socket(user).await;
    socket.order(&json!({"emit": "send_message", "ack": "long", "data": data})).await;
    let ack = socket.saw("ack").await;
    assert_eq!(ack["answer"]["success"], true, "{ack}");
    data.as_object_mut().expect("an object").remove("content");
    data
}

/// A poll's body that sends this message eight times.
fn eight(data: &Value) -> String {
    let asks: Vec<_> = (0..8).map(|number| format!("42{number}{}", json!(["send_message", data]))).collect();
    asks.join("\u{1e}")
}

/// Asks for the same long answer again and again, over a session that reads none of them, until that has ended;
/// answers how many it asked for.
async fn ask_and_never_read(chat: &Chat, target: &str, event: &str) -> usize {
    for count in 0.. {
        let answer = chat.server.request("POST", target).body(event.to_owned()).send().await;
        if answer.status != 200 {
            assert!(answer.text().contains("Session ID unknown"), "{}", answer.text());
            return count;
        }
    }
    unreachable!("there is a bound")
}

#[tokio::test(flavor = "multi_thread")]
async fn who_polls_for_none_of_what_was_asked_for_ends() {
    let _alone = harness::heavy::alone().await;
    let chat = Chat::start().await;
    let mut users = 0;
    attack::goes_on(&chat, ALLOWED + 64 * MIB, async || {
        for _ in 0..20 {
            users += 1;
            // Of what others asked for, and is still being made, it is told nothing: it would end of that.
            let (user, conversation) = (User::named(&format!("user-{users}")), conversation_id());
            chat.put_conversation(&conversation, &[&user]).await.expecting(201);
            let events = eight(&long_message_of(&chat, &user, &conversation).await);
            let target = session_of(&chat, &user).await;
            let asked = 8 * ask_and_never_read(&chat, &target, &events).await;
            // Each answer has some 25 KiB, and what waits for a session 1 MiB.
            assert!((30..5000).contains(&asked), "it ended after {asked} answers");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_to_polls_that_nobody_reads_cost_little() {
    let _alone = harness::heavy::alone().await;
    let chat = Chat::start().await;
    let data = long_message(&chat).await;
    let events = eight(&data);
    attack::goes_on(&chat, ALLOWED + 64 * MIB, async || {
        let target = session_of(&chat, &chat.alice).await;
        let mut unread = Vec::new();
        for _ in 0..100 {
            if chat.server.request("POST", &target).body(events.clone()).send().await.status != 200 {
                break;
            }
            let mut poll = chat.server.request("GET", &target).open().await;
            poll.head().await;
            unread.push(poll);
        }
        end(&chat, &target).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_reads_nothing_of_its_websocket_ends() {
    let _alone = harness::heavy::alone().await;
    let chat = Chat::start().await;
    let data = long_message(&chat).await;
    let connect = format!("40{}", json!({"token": chat.alice.token}));
    let event = format!("421{}", json!(["send_message", data]));
    let frames = |text: &str| frame(1, text.len() as u64, text.as_bytes());
    attack::goes_on(&chat, ALLOWED + 96 * MIB, async || {
        let mut connection = websocket(&chat).await;
        connection.send(&frames(&connect)).await;
        // The kernel has room for some MiB, and then it is the server's.
        let asks = frames(&event).repeat(4);
        wait::bounded("it ends", async { while connection.try_send(&asks).await.is_ok() {} }).await;
    })
    .await;
}

/// All that members are told costs each session of theirs, over either transport, no more than its bound.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_told_to_sessions_that_do_not_read_is_bounded() {
    let _alone = harness::heavy::alone().await;
    let chat = Chat::start().await;
    let connect = format!("40{}", json!({"token": chat.bob.token}));
    let text = "\u{1}".repeat(4096);
    let reader = chat.socket(&chat.bob).await;
    attack::goes_on(&chat, ALLOWED + 64 * MIB, async || {
        let (mut polling, mut unread) = (Vec::new(), Vec::new());
        for _ in 0..20 {
            polling.push(session_of(&chat, &chat.bob).await);
            let mut connection = websocket(&chat).await;
            connection.send(&frame(1, connect.len() as u64, connect.as_bytes())).await;
            unread.push(connection);
        }
        for number in 0..60 {
            let form = harness::multipart::Form::of("a.txt", b"x", &chat.conversation);
            let form = form.field("content", &text).into_request(chat.one_shot(&chat.alice));
            let message = form.send().await.expecting(200).json()["message"].clone();
            if number % 20 == 0 {
                reader.saw_with("new_message", |told| told["_id"] == message["_id"]).await;
                reader.forget();
            }
        }
        for target in &polling {
            let answer = chat.server.request("POST", target).body("3").send().await;
            assert!(answer.text().contains("Session ID unknown"), "{} {}", answer.status, answer.text());
        }
    })
    .await;
    assert!(reader.all("disconnect").is_empty(), "who reads is told of everything");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sessions_of_a_user_are_bounded_and_nobody_elses() {
    let _alone = harness::heavy::alone().await;
    let chat = Chat::start().await;
    let connect = format!("40{}", json!({"token": chat.eve.token}));
    let mut sessions = Vec::new();
    for _ in 0..MOST_SESSIONS {
        sessions.push(session_of(&chat, &chat.eve).await);
    }
    attack::goes_on(&chat, ALLOWED, async || {
        let target = session(&chat).await;
        chat.server.request("POST", &target).body(connect.clone()).send().await.expecting(200);
        let refusal = told(&chat, &target).await;
        assert!(refusal.starts_with(r#"44{"message":"Too many sessions""#), "{refusal}");
        assert!(refusal.contains(r#""code":"too_many_sessions""#), "{refusal}");
        end(&chat, &target).await;
        let target = session_of(&chat, &chat.alice).await;
        end(&chat, &target).await;
    })
    .await;
    // One that left the namespace takes its place as long as its session lasts.
    chat.server.request("POST", &sessions[0]).body("41").send().await.expecting(200);
    let target = session(&chat).await;
    chat.server.request("POST", &target).body(connect.clone()).send().await.expecting(200);
    assert!(told(&chat, &target).await.contains("Too many sessions"));
    end(&chat, &sessions[0]).await;
    wait::until_true("there is room again", async || {
        let target = session(&chat).await;
        chat.server.request("POST", &target).body(connect.clone()).send().await.expecting(200);
        told(&chat, &target).await.starts_with("40{\"sid\"")
    })
    .await;
}

/// Descriptors are what connections take from uploads.
#[tokio::test(flavor = "multi_thread")]
async fn an_upload_goes_on_while_there_are_no_descriptors_left_for_connections() {
    let chat = Chat::on(Setup::default().most_files(100).setting("--header-timeout", 1)).await;
    let content = vec![7; 4 << 20];
    let location = harness::tus::create(&chat, 4 * MIB, &[]).await;
    let patch = harness::tus::patch(&chat, &chat.alice, &location, 0).declared_length(4 * MIB);
    let mut upload = patch.open().await;
    let (mut sent, mut crowd) = (0, Vec::new());
    for piece in content.chunks(512 << 10) {
        // More come than the process may have open files, and they stay as long as they may.
        for _ in 0..60 {
            let mut connection = Connection::open(chat.server.address()).await;
            connection.send(b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\n").await;
            crowd.push(connection);
        }
        upload.send(piece).await;
        sent += piece.len();
    }
    assert_eq!(sent, content.len());
    let answer = upload.answer().await.expecting(204);
    assert!(answer.header("Chat-Message-Id").is_some(), "it is a message: {answer:?}");
    drop(crowd);
    attack::goes_on(&chat, ALLOWED, async || {
        let mut crowd = Vec::new();
        for _ in 0..150 {
            crowd.push(Connection::open(chat.server.address()).await);
        }
        for mut connection in crowd {
            connection.gone().await;
        }
    })
    .await;
}
