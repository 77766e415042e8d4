//! Connecting: which clients get in, and how a connection ends.

use super::client::{Client, deaf};
use super::*;
use crate::base_path::BasePath;
use crate::chat::backlog::SESSION_BYTES;
use crate::chat::transport::Guest;
use tokio::io::AsyncReadExt;

#[tokio::test]
async fn without_a_good_token_there_is_no_connection() {
    let server = Server::start().await;
    let expired = mint_hs256(SECRET, &user("alice"), false, Timestamp::from_millis(0));
    let forged = mint_hs256(
        "another secret of the tests, as long as that",
        &user("alice"),
        false,
        Timestamp::now().plus_secs(60),
    );
    for auth in [
        String::new(),
        "{}".into(),
        r#"{"token":"nonsense"}"#.into(),
        format!(r#"{{"token":"{expired}"}}"#),
        format!(r#"{{"access_token":"{forged}"}}"#),
    ] {
        let mut client = Client::open(server.address, "", "").await;
        client.send(&format!("40{auth}")).await;
        let data = json!({"detail": "Missing or invalid access token", "code": "unauthorized"});
        let refused = format!("44{}", json!({"message": "Unauthorized", "data": data}));
        let [refused, packet] = [refused, client.packet().await].map(|packet| {
            serde_json::from_str::<Value>(packet.strip_prefix("44").expect("a refusal")).expect("JSON")
        });
        assert_eq!(packet, refused, "{auth}");
    }
}

#[tokio::test]
async fn every_place_of_a_token_is_looked_at() {
    let server = Server::start().await;
    let token = token(&user("alice"));
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
async fn before_serving_and_after_closing_nothing_is_taken_for_told() {
    let server = Server::unserved().await;
    let announcement = Announcement::NewMessage(Box::new(message(1)));
    let unavailable = |outcome| matches!(outcome, Err(StoreError::Unavailable(_)));
    assert!(unavailable(server.announce(&["alice"], &announcement).await));

    serve(&server.engine, server.state().await);
    let mut client = server.connect("alice").await;
    server.announce(&["alice"], &announcement).await.expect("handed over");
    assert_eq!(client.event().await.0, "new_message");

    close(&server.engine).await;
    assert!(unavailable(server.announce(&["alice"], &announcement).await));
}

/// A client takes a refusal as final; after silence it connects again.
#[tokio::test]
async fn who_comes_while_the_engine_closes_is_not_refused() {
    let server = Server::start().await;
    let mut late = Client::open(server.address, "", "").await;
    close(&server.engine).await;
    late.send(&format!(r#"40{{"token":"{}"}}"#, token(&user("alice")))).await;
    late.send("40/nowhere,").await;
    assert_eq!(late.packet().await, r#"44/nowhere,{"message":"Invalid namespace"}"#);
    let announced = server.announce(&["alice"], &Announcement::NewMessage(Box::new(message(1)))).await;
    assert!(matches!(announced, Err(StoreError::Unavailable(_))), "nobody is there: {announced:?}");
}

#[tokio::test]
async fn closing_waits_for_nobody_who_does_not_read() {
    let server = Server::start().await;
    let _deaf = deaf(server.address, &token(&user("alice"))).await;
    let long = Message { file_name: "x".repeat(64 * 1024), ..message(1) };
    let announcement = Announcement::NewMessage(Box::new(long));
    let socket = server.engine.io.sockets().pop().expect("it is connected");
    // What the kernel's buffers do not take waits in the backlog, within the bound.
    while Guest::of(&socket).expect("a session").backlog().bytes() < SESSION_BYTES / 2 {
        server.announce(&["alice"], &announcement).await.expect("handed over");
        tokio::task::yield_now().await;
    }
    drop(socket);
    let closing = tokio::time::timeout(Duration::from_secs(10), close(&server.engine));
    closing.await.expect("in time");
}

#[tokio::test]
async fn a_connection_that_does_not_read_ends_and_its_user_may_come_back() {
    let server = Server::start().await;
    let slow = server.connect("alice").await;
    let long = Message { content: Some("x".repeat(4096)), ..message(1) };
    let announcement = Announcement::NewMessage(Box::new(long));
    for _ in 0..SESSION_BYTES / 4096 {
        server.announce(&["alice"], &announcement).await.expect("handed over");
    }
    while slow.poll().await.0 == 200 {}
    let mut again = server.connect("alice").await;
    server.announce(&["alice"], &announcement).await.expect("handed over");
    assert_eq!(again.event().await.0, "new_message");
}

#[tokio::test]
async fn who_missed_more_than_can_be_told_comes_back() {
    let server = Server::start().await;
    let before = server.connect("alice").await;
    server.announcements.start_over();
    while before.poll().await.0 == 200 {}
    let mut again = server.connect("alice").await;
    server.announce(&["alice"], &Announcement::NewMessage(Box::new(message(1)))).await.expect("handed over");
    assert_eq!(again.event().await.0, "new_message");
}

#[tokio::test]
async fn what_is_read_makes_room_over_either_transport() {
    let server = Server::start().await;
    let mut polling = server.connect("alice").await;
    let mut websocket = deaf(server.address, &token(&user("alice"))).await;
    let announcement = Announcement::UploadCancelled(progress());
    for _ in 0..5 {
        for _ in 0..500 {
            server.announce(&["alice"], &announcement).await.expect("handed over");
        }
        let (mut heard, mut seen) = (0, Vec::new());
        for _ in 0..500 {
            assert_eq!(polling.event().await.0, "upload_cancelled");
        }
        while heard < 500 {
            let before = seen.len().saturating_sub(20);
            websocket.read_buf(&mut seen).await.expect("it is there");
            heard += seen[before..].windows(16).filter(|bytes| *bytes == b"upload_cancelled").count();
            seen.drain(..seen.len().saturating_sub(15));
        }
    }
    assert_eq!(server.engine.io.sockets().len(), 2);
}

#[tokio::test]
async fn a_session_is_one_users_who_may_leave_and_come_back() {
    let server = Server::start().await;
    let mut client = server.connect("alice").await;
    client.send("41").await;
    for (name, expected) in [("bob", r#"44{"message":"Unauthorized"}"#), ("alice", "40{")] {
        client.send(&format!(r#"40{{"token":"{}"}}"#, token(&user(name)))).await;
        let packet = client.packet().await;
        assert!(packet.starts_with(expected), "{name}: {packet}");
    }
}

#[tokio::test]
async fn a_connection_ends_with_its_token() {
    let server = Server::start().await;
    let brief = mint_hs256(SECRET, &user("alice"), false, Timestamp::now().plus_secs(2));
    let client = Client::connect(server.address, &brief).await;
    let other = server.connect("alice").await;
    // The poll that waits is answered, and the next one finds no session.
    while client.poll().await.0 == 200 {}
    let (status, body) = client.poll().await;
    assert_eq!((status, body.contains("Session ID unknown")), (400, true), "{body}");
    other.send("2").await;
    assert_eq!(server.engine.io.sockets().len(), 1, "nobody else's has ended");
}

#[tokio::test]
async fn what_is_asked_for_with_an_expired_token_is_refused() {
    let session = |millis| crate::chat::expiry::Expiry(Timestamp::from_millis(millis));
    let now = Timestamp::from_millis(1000);
    assert!(session(1001).judge(now).is_ok());
    let refused = session(1000).judge(now).expect_err("expired");
    assert_eq!(crate::chat::answer::EventError::from(refused).detail(), "Invalid or expired token");
}

#[tokio::test]
async fn what_was_left_over_comes_before_anything_that_is_sent_is_looked_at() {
    let server = Server::start().await;
    let left = message(7);
    server.announcements.leave(&[user("alice"), user("bob")], &left).await.expect("kept");
    // The client sends everything at once, without waiting for a word of the server.
    let mut client = Client::open(server.address, "", "").await;
    client.send(&format!(r#"40{{"token":"{}"}}"#, token(&user("alice")))).await;
    assert!(client.packet().await.starts_with("40"));
    let (answer, before) = client.emit("send_message", &sends::payload()).await;
    assert_eq!(answer["success"], true);
    let body = serde_json::to_value(left.body(&BasePath::default(), None)).expect("serializable");
    assert_eq!(before.first(), Some(&("new_message".to_owned(), body)), "it comes first");
    let mut eve = server.connect("eve").await;
    let marker = Announcement::UploadCancelled(progress());
    server.announce(&["eve"], &marker).await.expect("handed over");
    assert_eq!(eve.event().await.0, "upload_cancelled", "it is not for her");
}
