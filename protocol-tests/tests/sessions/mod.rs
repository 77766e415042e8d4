//! Sessions of Socket.IO without a library, which would not send what an attacker sends.

use harness::chat::{Chat, User};
use harness::http::Connection;
use harness::wait;
use serde_json::{Value, json};

pub(crate) const POLLING: &str = "/socket.io/?EIO=4&transport=polling";

pub(crate) const MIB: u64 = 1 << 20;

pub(crate) fn sid_of(answer: &str) -> String {
    let session: Value = serde_json::from_str(answer.trim_start_matches('0')).expect("a handshake");
    session["sid"].as_str().expect("an id").to_owned()
}

/// Opens a session without a token, once there is room: each takes its place for ten seconds, however it
/// ended.
pub(crate) async fn session(chat: &Chat) -> String {
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
pub(crate) async fn session_of(chat: &Chat, user: &User) -> String {
    let target = session(chat).await;
    let connect = format!("40{}", json!({"token": user.token}));
    chat.server.request("POST", &target).body(connect).send().await.expecting(200);
    wait::until_true("the session has a user", async || {
        chat.server.request("GET", &target).send().await.text().contains("40{\"sid\"")
    })
    .await;
    target
}

/// Opens a WebSocket without a token, once there is room.
pub(crate) async fn websocket(chat: &Chat) -> Connection {
    wait::until("there is room for a WebSocket", async || try_websocket(chat).await).await
}

pub(crate) async fn try_websocket(chat: &Chat) -> Option<Connection> {
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

/// A WebSocket frame with a mask of zeros.
pub(crate) fn frame(opcode: u8, length: u64, payload: &[u8]) -> Vec<u8> {
    [&[0x80 | opcode, 0xff][..], &length.to_be_bytes(), &[0; 4], payload].concat()
}

/// Ends a session with Engine.IO's close packet.
pub(crate) async fn end(chat: &Chat, target: &str) {
    chat.server.request("POST", target).body("1").send().await;
}
