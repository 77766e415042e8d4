//! Clients that attack the server over HTTP/1.1: each gets a clear answer or none, none costs memory, and
//! other users are served meanwhile.

use data_encoding::BASE64;
use harness::attack::{self, ALLOWED};
use harness::chat::{Chat, check_detail};
use harness::http::{Connection, Request};
use harness::multipart::{self, BOUNDARY};
use harness::note::note;
use harness::server::Setup;
use harness::{tus, wait};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;
use std::collections::VecDeque;
use std::time::Duration;

mod bodies;

use bodies::every_body;

const KIB: u64 = 1 << 10;

const MIB: u64 = 1 << 20;

/// How long a step may take before it counts as a hang, with hundreds of connections at work.
const BOUND: Duration = Duration::from_secs(120);

/// How many connections misbehave at the same time.
const MANY: usize = 300;

/// How many connections rest at the same time: almost the server's default limit. This process has one end of
/// each.
const IDLE: usize = 9_000;

#[tokio::test(flavor = "multi_thread")]
async fn headers_that_drip_are_cut_off() {
    let _alone = harness::heavy::alone().await;
    let chat = Chat::on(Setup::default().setting("--header-timeout", 1)).await;
    let beginning = b"GET /healthz HTTP/1.1\r\nHost: a\r\nX-";
    attack::goes_on(&chat, ALLOWED, async || {
        let mut dripping = VecDeque::from(open_many(&chat, MANY, beginning).await);
        wait::within(BOUND, "each of them is cut off", async {
            // A header that comes byte by byte is cut off too: the whole header has to come in time.
            while let Some(mut connection) = dripping.pop_front() {
                if connection.pour(b"a").await {
                    dripping.push_back(connection);
                }
            }
        })
        .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_that_never_ends_is_431_and_costs_nothing() {
    let _alone = harness::heavy::alone().await;
    let chat = Chat::start().await;
    let line = [b"X-Filler: ".to_vec(), vec![b'a'; 4096], b"\r\n".to_vec()].concat();
    attack::goes_on(&chat, ALLOWED, async || {
        for (what, filler) in [
            ("one line", vec![b'a'; 4096]),
            ("many lines", line.clone()),
            ("short lines", b"A:b\r\n".repeat(900)),
        ] {
            let mut connection = Connection::open(chat.server.address()).await;
            connection.send(b"GET /healthz HTTP/1.1\r\nHost: a\r\nX-").await;
            for _ in 0..20_000 {
                if !connection.pour(&filler).await {
                    break;
                }
            }
            let answer = wait::bounded(what, connection.try_answer(false)).await;
            if let Ok(answer) = answer {
                assert_eq!(answer.status, 431, "{what}: {}", answer.text());
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_idle_connections_cost_little_and_lock_no_client_out() {
    let _alone = harness::heavy::alone().await;
    // The server accepts only as many connections as it has two descriptors for.
    let count = (raise_the_limit_of_open_files() / 2).saturating_sub(500).min(IDLE);
    if count < IDLE {
        note(format_args!("only {count} connections: the limit of open files is low"));
    }
    let chat = Chat::on(Setup::default().setting("--keep-alive-timeout", 600)).await;
    let request = chat.server.request("GET", "/healthz");
    attack::goes_on(&chat, ALLOWED + 16 * KIB * count as u64, async || {
        let mut idle = Vec::with_capacity(count);
        for _ in 0..count {
            let mut connection = Connection::open(chat.server.address()).await;
            assert_eq!(connection.request(&request).await.status, 200);
            idle.push(connection);
        }
        assert_eq!(idle[0].request(&request).await.status, 200, "they are still there");
    })
    .await;
}

/// A client that comes when all places are taken waits until a silent connection is closed.
#[tokio::test(flavor = "multi_thread")]
async fn silent_connections_give_their_places_up() {
    let setup = Setup::default().setting("--max-connections", 30).setting("--header-timeout", 2);
    let chat = Chat::on(setup).await;
    attack::goes_on(&chat, ALLOWED, async || {
        let silent = open_many(&chat, 30, b"").await;
        let halting = open_many(&chat, 30, b"GET / HT").await;
        chat.server.request("GET", "/healthz").send().await.expecting(200);
        drop((silent, halting));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_bodies_are_given_up_and_their_bytes_are_kept() {
    let _alone = harness::heavy::alone().await;
    let chat = Chat::on(Setup::default().setting("--idle-timeout", 2)).await;
    attack::goes_on(&chat, ALLOWED, async || {
        let mut stalled = Vec::new();
        for _ in 0..MANY {
            let location = tus::create(&chat, MIB, &[]).await;
            let mut connection =
                tus::patch(&chat, &chat.alice, &location, 0).declared_length(MIB).open().await;
            connection.send(&[7; 1000]).await;
            stalled.push((location, connection));
        }
        wait::within(BOUND, "each of them is told", async {
            for (location, connection) in &mut stalled {
                // After a 503 a stock client goes on from the bytes that were kept.
                check_detail(&connection.answer().await, 503);
                assert_eq!(tus::offset(&chat, location).await, 1000);
            }
        })
        .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_body_is_answered_on_every_route_that_takes_one() {
    let chat = Chat::on(Setup::default().setting("--idle-timeout", 1)).await;
    attack::goes_on(&chat, ALLOWED, async || {
        for (what, request, beginning) in every_body(&chat) {
            let mut connection = request.declared_length(5000).open().await;
            connection.send(&beginning).await;
            let answer = connection.answer().await;
            // Only an upload keeps its bytes, and after a 503 a stock client goes on from them.
            let status = if what == "a creation with bytes" { 503 } else { 408 };
            assert_eq!(answer.status, status, "{what}: {}", answer.text());
            check_detail(&answer, status);
        }
    })
    .await;
}

/// A client that sends a byte at a time is a slow client, not an attacker.
#[tokio::test(flavor = "multi_thread")]
async fn hundreds_of_slow_bodies_are_served_side_by_side() {
    let _alone = harness::heavy::alone().await;
    let chat = Chat::start().await;
    let mut made = 0;
    attack::goes_on(&chat, ALLOWED, async || {
        let mut slow = Vec::new();
        for _ in 0..MANY {
            let location = tus::create(&chat, 20, &[]).await;
            let connection = tus::patch(&chat, &chat.alice, &location, 0).declared_length(20).open().await;
            slow.push(connection);
        }
        for _ in 0..20 {
            for connection in &mut slow {
                connection.send(b"x").await;
            }
        }
        for connection in &mut slow {
            connection.answer().await.expecting(204);
        }
        made += MANY;
        assert_eq!(chat.messages().await.len(), made);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn endless_chunks_end_with_an_answer_on_every_route_that_takes_a_body() {
    let _alone = harness::heavy::alone().await;
    let chat = Chat::on(Setup::default().setting("--max-upload-size", 4 * MIB)).await;
    attack::goes_on(&chat, ALLOWED, async || {
        for (what, request, beginning) in every_body(&chat) {
            let status = endless(request, &beginning).await;
            assert!([None, Some(400), Some(413)].contains(&status), "{what}: {status:?}");
            let status = endless(chat.server.request("PATCH", "/files/x"), &beginning).await;
            assert!([None, Some(401), Some(412)].contains(&status), "a stranger with {what}: {status:?}");
        }
    })
    .await;
    // Each creation keeps the bytes that it announced, and is complete with them.
    let messages = chat.messages().await;
    assert!(!messages.is_empty() && messages.iter().all(|message| message["file_size"] == 5000));
}

/// The server keeps no more of an upload than the limit allows, and answers with the limit's status.
#[tokio::test(flavor = "multi_thread")]
async fn an_endless_upload_of_unknown_length_ends_at_the_limits() {
    let _alone = harness::heavy::alone().await;
    for (setting, status) in [("--max-upload-size", 413), ("--max-reserved-bytes", 503)] {
        let chat = Chat::on(Setup::default().setting(setting, 20 * MIB)).await;
        attack::goes_on(&chat, ALLOWED, async || {
            let creation =
                tus::request(&chat, &chat.alice, "POST", "/files").header("Upload-Defer-Length", 1);
            let location = creation.send().await.expecting(201).expect("Location").to_owned();
            let answer = endless(tus::patch(&chat, &chat.alice, &location, 0), &[]).await;
            assert_eq!(answer, Some(status), "{setting}");
            let kept = tus::offset(&chat, &location).await;
            assert!((12 * MIB..=29 * MIB).contains(&kept), "{setting}: {kept}");
            tus::request(&chat, &chat.alice, "DELETE", &location).send().await.expecting(204);
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_without_end_in_a_form_are_refused() {
    let _alone = harness::heavy::alone().await;
    let chat = Chat::start().await;
    let empty =
        format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n\r\n").repeat(2_000);
    let files =
        format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\na\r\n")
            .repeat(2_000);
    attack::goes_on(&chat, ALLOWED, async || {
        for (what, filler) in [("unknown fields", &empty), ("files", &files)] {
            let request = multipart::content_type(chat.one_shot(&chat.alice)).chunked();
            let mut connection = request.open().await;
            for _ in 0..200 {
                if !connection.pour_chunk(filler.as_bytes()).await {
                    break;
                }
            }
            if let Ok(answer) = connection.try_answer(false).await {
                assert_eq!(answer.status, 400, "{what}: {}", answer.text());
            }
        }
    })
    .await;
    wait::until_true("nothing of it is kept", async || chat.server.folder().parts().is_empty()).await;
    assert!(chat.messages().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn huge_metadata_is_431_and_the_largest_that_is_taken_costs_nothing() {
    let _alone = harness::heavy::alone().await;
    let chat = Chat::start().await;
    attack::goes_on(&chat, ALLOWED, async || {
        for size in [7 << 10, 60 << 10, 300 << 10, 1 << 20] {
            let text = format!("note {}", BASE64.encode(&vec![b'a'; size]));
            let answer = tus::creation_in_chat(&chat, 5).header("Upload-Metadata", text).try_send().await;
            if let Ok(answer) = answer {
                assert_eq!(answer.status, 431, "{size}: {}", answer.text());
            } else {
                assert!(size >= 300 << 10, "{size} bytes were not answered");
            }
        }
        let largest = format!("note {}", BASE64.encode(&[b'a'; 4500]));
        let mut connection = Connection::open(chat.server.address()).await;
        for _ in 0..500 {
            let creation = tus::creation_in_chat(&chat, 5).header("Upload-Metadata", &largest);
            let made = connection.request(&creation).await.expecting(201);
            let ended = tus::request(&chat, &chat.alice, "DELETE", made.expect("Location"));
            connection.request(&ended).await.expecting(204);
        }
        for (count, status) in [(1500, 431), (900, 431), (60, 201)] {
            let pairs: Vec<_> = (0..count).map(|number| format!("k{number}")).collect();
            let many = tus::creation_in_chat(&chat, 5).header("Upload-Metadata", pairs.join(","));
            let answer = connection.request(&many).await;
            assert_eq!(answer.status, status, "{count} keys: {}", answer.text());
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_over_the_socket_is_answered_and_costs_nothing() {
    let _alone = harness::heavy::alone().await;
    let chat = Chat::start().await;
    let mut socket = chat.socket(&chat.alice).await;
    let mut made = 0;
    // A connection's messages wait until they are decoded, up to its bound of memory.
    attack::goes_on(&chat, ALLOWED + 160 * MIB, async || {
        socket.forget();
        for number in 0..2000 {
            let (event, data) = match number % 4 {
                0 => ("send_message", json!({"conversation_id": chat.conversation, "file_data": "%%%"})),
                1 => ("send_message", json!(vec![number; 50])),
                2 => ("join_conversation", json!({"conversation_id": "x".repeat(1000)})),
                _ => ("no_such_event", json!({"a": "b".repeat(1000)})),
            };
            let order = if number % 4 == 3 {
                json!({"emit": event, "data": data})
            } else {
                json!({"emit": event, "data": data, "ack": number + 1})
            };
            socket.order(&order).await;
        }
        wait::until_true("every call is answered", async || socket.all("ack").len() == 1500).await;
        assert!(socket.all("ack").iter().all(|ack| ack["answer"]["success"] == false), "none made a message");
        let bytes = BASE64.encode(&vec![9; 1 << 20]);
        for number in 0..60 {
            let data = json!({
                "conversation_id": chat.conversation, "type": "file", "file_name": "a.bin", "file_data": bytes,
            });
            let order = json!({"emit": "send_message", "data": data, "ack": format!("good {number}")});
            socket.order(&order).await;
        }
        made += 60;
        wait::until_true("every message is made", async || chat.messages().await.len() == made).await;
        assert!(socket.all("disconnect").is_empty(), "the connection outlived it");
    })
    .await;
}

/// Raises the limit of open files for this process and the servers that it starts; returns the new limit.
fn raise_the_limit_of_open_files() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, ..limit };
    let count = if setrlimit(Resource::Nofile, raised).is_ok() { raised.current } else { limit.current };
    count.and_then(|count| usize::try_from(count).ok()).unwrap_or(usize::MAX)
}

/// Sends chunks until the server answers or closes the connection, and returns the status; `None` if the
/// answer was lost with the connection.
async fn endless(request: Request, beginning: &[u8]) -> Option<u16> {
    let piece = vec![b'a'; 256 << 10];
    let mut connection = request.chunked().open().await;
    if !beginning.is_empty() {
        connection.send_chunk(beginning).await;
    }
    let sending = async {
        while connection.pour_chunk(&piece).await {}
        connection.try_answer(false).await.ok().map(|answer| answer.status)
    };
    wait::within(BOUND, "an endless body ends", sending).await
}

async fn open_many(chat: &Chat, count: usize, beginning: &[u8]) -> Vec<Connection> {
    let mut connections = Vec::with_capacity(count);
    for _ in 0..count {
        let mut connection = Connection::open(chat.server.address()).await;
        connection.send(beginning).await;
        connections.push(connection);
    }
    connections
}
