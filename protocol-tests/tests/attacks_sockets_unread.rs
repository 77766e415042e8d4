//! Clients of Socket.IO that send requests and read no answers, or open many sessions: they cost other users
//! nothing.

use harness::attack::{self, ALLOWED};
use harness::chat::{Chat, User, conversation_id};
use harness::http::Connection;
use harness::server::Setup;
use harness::wait;
use serde_json::{Value, json};

mod sessions;

use sessions::{MIB, end, frame, session, session_of, websocket};

/// The next packets that a session gets, except pings.
async fn told(chat: &Chat, target: &str) -> String {
    wait::until("the session is told something", async || {
        let told = chat.server.request("GET", target).send().await.expecting(200).text();
        let told: Vec<_> = told.split('\u{1e}').filter(|packet| *packet != "2").collect();
        (!told.is_empty()).then(|| told.join("\u{1e}"))
    })
    .await
}

/// How many sessions a user may have.
const MOST_SESSIONS: usize = 256;

/// Makes a message whose text is as long as allowed, of characters that take most room in JSON. Returns the
/// data of an event that has the server answer with this message again.
async fn long_message(chat: &Chat) -> Value {
    long_message_of(chat, &chat.alice, &chat.conversation).await
}

/// Makes a long message of this user in this conversation, and returns the data of an event that asks for it
/// again.
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

/// The body of a poll that sends this event eight times.
fn eight(data: &Value) -> String {
    let asks: Vec<_> = (0..8).map(|number| format!("42{number}{}", json!(["send_message", data]))).collect();
    asks.join("\u{1e}")
}

/// Asks for the same long answer again and again, over a session that never reads, until the server ends the
/// session; returns how many requests were accepted.
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
async fn a_session_that_never_polls_for_its_answers_ends() {
    let _alone = harness::heavy::alone().await;
    let chat = Chat::start().await;
    let mut users = 0;
    attack::goes_on(&chat, ALLOWED + 64 * MIB, async || {
        for _ in 0..20 {
            users += 1;
            // Each session is of a user of its own: otherwise the answers of the sessions before could end
            // it.
            let (user, conversation) = (User::named(&format!("user-{users}")), conversation_id());
            chat.put_conversation(&conversation, &[&user]).await.expecting(201);
            let events = eight(&long_message_of(&chat, &user, &conversation).await);
            let target = session_of(&chat, &user).await;
            let asked = 8 * ask_and_never_read(&chat, &target, &events).await;
            // Each answer has some 25 KiB, and 1 MiB may wait for a session.
            assert!((30..5000).contains(&asked), "it ended after {asked} answers");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_to_polls_that_are_never_read_cost_little() {
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
async fn a_websocket_whose_client_reads_nothing_ends() {
    let _alone = harness::heavy::alone().await;
    let chat = Chat::start().await;
    let data = long_message(&chat).await;
    let connect = format!("40{}", json!({"token": chat.alice.token}));
    let event = format!("421{}", json!(["send_message", data]));
    let frames = |text: &str| frame(1, text.len() as u64, text.as_bytes());
    attack::goes_on(&chat, ALLOWED + 96 * MIB, async || {
        let mut connection = websocket(&chat).await;
        connection.send(&frames(&connect)).await;
        // The kernel buffers some MiB; the server has to hold what comes after.
        let asks = frames(&event).repeat(4);
        wait::bounded("it ends", async { while connection.try_send(&asks).await.is_ok() {} }).await;
    })
    .await;
}

/// The announcements that wait for a session are bounded, over either transport.
#[tokio::test(flavor = "multi_thread")]
async fn events_for_sessions_that_do_not_read_are_bounded() {
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
async fn a_user_with_too_many_sessions_is_refused_and_others_are_not() {
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
    // A session that left the namespace counts as long as it lasts.
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

/// Connections do not take the descriptors that uploads need.
#[tokio::test(flavor = "multi_thread")]
async fn an_upload_goes_on_while_there_are_no_descriptors_left_for_connections() {
    let chat = Chat::on(Setup::default().most_files(100).setting("--header-timeout", 1)).await;
    let content = vec![7; 4 << 20];
    let location = harness::tus::create(&chat, 4 * MIB, &[]).await;
    let patch = harness::tus::patch(&chat, &chat.alice, &location, 0).declared_length(4 * MIB);
    let mut upload = patch.open().await;
    let (mut sent, mut crowd) = (0, Vec::new());
    for piece in content.chunks(512 << 10) {
        // More connections come than the process may have open files, and they stay as long as the server
        // lets them.
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
