//! Catching up by clients that name the last message they know, and read slowly.

use super::client::Client;
use super::sends::payload;
use super::*;
use crate::chat::backlog::SESSION_BYTES;
use crate::chat::catch_up::AHEAD_BYTES;
use crate::chat::transport::Guest;

/// The length of a text, small beside what may wait.
const LONG: usize = 4000;

/// A server, the ids of messages in it, and a client of Bob's that names the first of them and has not read
/// on.
async fn slow(count: usize) -> (Server, Vec<String>, Client) {
    let server = Server::start().await;
    let mut alice = server.connect("alice").await;
    let mut ids = Vec::new();
    for number in 0..count {
        let mut payload = payload();
        payload["content"] = json!("x".repeat(LONG));
        payload["client_message_id"] = json!(number.to_string());
        let (answer, _) = alice.emit("send_message", &payload).await;
        ids.push(answer["message"]["_id"].as_str().expect("an id").to_owned());
    }
    let mut bob = Client::open(server.address, "", "").await;
    let auth = json!({"token": token(&user("bob")), "after": ids[0]});
    bob.send(&format!("40{auth}")).await;
    while waiting(&server) <= AHEAD_BYTES {
        tokio::task::yield_now().await;
    }
    assert!(bob.packet().await.starts_with("40"), "connected");
    (server, ids, bob)
}

/// How many bytes wait for Bob.
fn waiting(server: &Server) -> usize {
    let sockets = server.engine.io.sockets();
    let guests = sockets.iter().filter_map(Guest::of);
    guests
        .filter(|guest| guest.line().is_some_and(|line| *line.user() == user("bob")))
        .map(|guest| guest.backlog().bytes())
        .sum()
}

fn large(number: u8) -> Announcement {
    Announcement::NewMessage(Box::new(Message { content: Some("x".repeat(LONG)), ..message(number) }))
}

async fn next_id(client: &mut Client) -> String {
    let (event, data) = client.other_event().await;
    assert_eq!(event, "new_message", "{data}");
    data["_id"].as_str().expect("an id").to_owned()
}

#[tokio::test]
async fn who_reads_slowly_is_waited_for_and_told_everything_once() {
    let (server, ids, mut bob) = slow(100).await;
    // A message that was told already; the others happen meanwhile.
    let mut again = message(0);
    again.id = ids[1].parse().expect("an id");
    for announcement in [Announcement::NewMessage(Box::new(again)), large(1), large(1)] {
        server.announce(&["bob"], &announcement).await.expect("handed over");
    }
    for id in &ids[1..] {
        assert_eq!(next_id(&mut bob).await, *id);
        assert!(waiting(&server) <= AHEAD_BYTES + 2 * LONG, "no more is read than is asked for");
    }
    let end = json!({"after": ids.last(), "complete": true});
    assert_eq!(bob.other_event().await, ("caught_up".into(), end));
    for _ in 0..2 {
        assert_eq!(next_id(&mut bob).await, message(1).id.to_string(), "an announcement may be made twice");
    }
    server.announce(&["bob"], &large(2)).await.expect("handed over");
    assert_eq!(next_id(&mut bob).await, message(2).id.to_string());
}

#[tokio::test]
async fn more_than_may_wait_ends_the_catching_up_and_not_the_connection() {
    let (server, ids, mut bob) = slow(200).await;
    let many = u8::try_from(SESSION_BYTES / 2 / LONG + 20).expect("few");
    for number in 0..many {
        server.announce(&["bob"], &large(number)).await.expect("handed over");
    }
    let mut told = 1;
    let end = loop {
        let (event, data) = bob.other_event().await;
        if event == "caught_up" {
            break data;
        }
        assert_eq!((event.as_str(), &data["_id"]), ("new_message", &json!(ids[told])));
        told += 1;
    };
    assert!(told < ids.len(), "not all of them");
    assert_eq!(end, json!({"after": ids[told - 1], "complete": false}));
    for number in 0..many {
        assert_eq!(next_id(&mut bob).await, message(number).id.to_string());
    }
}
