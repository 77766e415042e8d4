//! A minimal Socket.IO client: engine.io 4 over long polling, one HTTP request after the other.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A connection to the server under test.
pub(super) struct Client {
    address: SocketAddr,
    path: String,
    unread: Vec<String>,
    asked: u32,
}

impl Client {
    /// Opens a transport. `query` and `headers` go with its first request only.
    pub(super) async fn open(address: SocketAddr, query: &str, headers: &str) -> Self {
        let path = "/socket.io/?EIO=4&transport=polling".to_owned();
        let mut client = Self { address, path, unread: Vec::new(), asked: 0 };
        let opened = client.request("GET", &format!("{}&{query}", client.path), headers, "").await;
        let handshake: Value =
            serde_json::from_str(opened.strip_prefix('0').expect("an open packet")).expect("JSON");
        client.path = format!("{}&sid={}", client.path, handshake["sid"].as_str().expect("a session"));
        client
    }

    /// Opens a transport and connects with a token.
    pub(super) async fn connect(address: SocketAddr, token: &str) -> Self {
        let mut client = Self::open(address, "", "").await;
        client.send(&format!(r#"40{{"token":"{token}"}}"#)).await;
        assert!(client.packet().await.starts_with("40"), "connected");
        client
    }

    /// Sends a packet as it is.
    pub(super) async fn send(&self, packet: &str) {
        assert_eq!(self.request("POST", &self.path, "", packet).await, "ok");
    }

    /// One poll: the status, and the body as it came.
    pub(super) async fn poll(&self) -> (u16, String) {
        self.exchange("GET", &self.path, "", "").await
    }

    /// The next packet of any kind but a ping.
    pub(super) async fn packet(&mut self) -> String {
        while self.unread.is_empty() {
            let polled = self.request("GET", &self.path, "", "").await;
            // The tests are not about engine.io's pings.
            self.unread.extend(polled.split('\x1e').filter(|packet| *packet != "2").map(str::to_owned));
        }
        self.unread.remove(0)
    }

    /// The next event's name and payload.
    pub(super) async fn event(&mut self) -> (String, Value) {
        let packet = self.packet().await;
        let event = packet.strip_prefix("42").unwrap_or_else(|| panic!("an event, not {packet}"));
        serde_json::from_str(event).expect("a name and one payload")
    }

    /// The next event that is not about an upload under way.
    pub(super) async fn other_event(&mut self) -> (String, Value) {
        loop {
            let event = self.event().await;
            if !event.0.starts_with("upload_") {
                return event;
            }
        }
    }

    /// Emits an event with an acknowledgement; answers that, and the events that came before it.
    pub(super) async fn emit(&mut self, event: &str, payload: &Value) -> (Value, Vec<(String, Value)>) {
        self.asked += 1;
        self.send(&format!("42{}{}", self.asked, serde_json::json!([event, payload]))).await;
        let (prefix, mut before) = (format!("43{}", self.asked), Vec::new());
        loop {
            let packet = self.packet().await;
            if let Some(ack) = packet.strip_prefix(&prefix) {
                let [answer]: [Value; 1] = serde_json::from_str(ack).expect("one argument");
                return (answer, before);
            }
            before.push(serde_json::from_str(packet.strip_prefix("42").expect("an event")).expect("JSON"));
        }
    }

    async fn request(&self, method: &str, path: &str, headers: &str, body: &str) -> String {
        let (status, body) = self.exchange(method, path, headers, body).await;
        assert_eq!(status, 200, "{body}");
        body
    }

    async fn exchange(&self, method: &str, path: &str, headers: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.address).await.expect("the server listens");
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await.expect("the server reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("the server answers");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        let status = head.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).expect("a status");
        (status.parse().expect("a number"), body.to_owned())
    }
}

/// Connects over a WebSocket and then reads nothing, like a phone in a tunnel.
pub(super) async fn deaf(address: SocketAddr, token: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.expect("the server listens");
    let upgrade = format!(
        "GET /socket.io/?EIO=4&transport=websocket&token={token} HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    );
    stream.write_all(upgrade.as_bytes()).await.expect("the server reads");
    // One text frame of two bytes under an empty mask.
    stream.write_all(b"\x81\x82\0\0\0\x0040").await.expect("the server reads");
    let mut seen = Vec::new();
    while !seen.windows(3).any(|bytes| bytes == b"40{") {
        stream.read_buf(&mut seen).await.expect("the server answers");
    }
    stream
}
