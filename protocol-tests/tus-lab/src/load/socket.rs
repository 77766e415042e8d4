//! A client of Socket.IO 5 over Engine.IO 4 over a WebSocket that can only listen to events.

use std::time::Instant;

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::sync::mpsc::{self, Receiver};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::client::Target;
use super::failure::Failure;

/// The longest message that is accepted.
const LONGEST: usize = 1 << 20;

/// How many events may wait for the reader.
const WAITING: usize = 1024;

/// An event, and the time when it came.
#[derive(Debug)]
pub(super) struct Event {
    pub(super) at: Instant,
    pub(super) name: String,
    pub(super) data: Value,
}

type Socket = WebSocketStream<TcpStream>;

/// Connects with this `auth`, and receives every event from then on, until the receiver is dropped.
pub(super) async fn listen(target: &Target, auth: &str) -> Result<Receiver<Event>, Failure> {
    let mut socket = connect(target).await?;
    let opened = text(&mut socket).await?;
    if !opened.starts_with('0') {
        return Err(Failure::new(format_args!("Engine.IO opened with {opened:?}")));
    }
    send(&mut socket, &format!("40{auth}")).await?;
    let joined = text(&mut socket).await?;
    if !joined.starts_with("40") {
        return Err(Failure::new(format_args!("Socket.IO did not connect: {joined:?}")));
    }
    let (sender, events) = mpsc::channel(WAITING);
    tokio::spawn(async move {
        while let Ok(packet) = text(&mut socket).await {
            let at = Instant::now();
            let Some((name, data)) = event(&packet) else { continue };
            if sender.send(Event { at, name, data }).await.is_err() {
                return;
            }
        }
    });
    Ok(events)
}

async fn connect(target: &Target) -> Result<Socket, Failure> {
    let stream = TcpStream::connect(target.address).await.map_err(|error| Failure::io("connect", &error))?;
    stream.set_nodelay(true).map_err(|error| Failure::io("connect", &error))?;
    let url = format!("ws://{}/socket.io/?EIO=4&transport=websocket", target.host);
    let bounds = WebSocketConfig::default().max_message_size(Some(LONGEST));
    let (socket, _) = client_async_with_config(url, stream, Some(bounds)).await.map_err(failure)?;
    Ok(socket)
}

async fn send(socket: &mut Socket, packet: &str) -> Result<(), Failure> {
    socket.send(Message::text(packet)).await.map_err(failure)
}

/// The next packet; Engine.IO's pings are answered on the way.
async fn text(socket: &mut Socket) -> Result<String, Failure> {
    loop {
        match socket.next().await.transpose().map_err(failure)? {
            Some(Message::Text(ping)) if ping.as_str() == "2" => send(socket, "3").await?,
            Some(Message::Text(packet)) => return Ok(packet.to_string()),
            Some(Message::Close(_)) | None => return Err(Failure::new("the websocket was closed")),
            Some(_) => {}
        }
    }
}

fn failure(error: impl std::fmt::Display) -> Failure {
    Failure::new(format_args!("websocket: {error}"))
}

/// The name and the first argument of an event without attachments.
fn event(packet: &str) -> Option<(String, Value)> {
    let Ok(Value::Array(mut parts)) = serde_json::from_str(packet.strip_prefix("42")?) else { return None };
    let data = parts.get_mut(1).map(Value::take).unwrap_or_default();
    Some((parts.first()?.as_str()?.to_owned(), data))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_has_a_name_and_data() {
        let read = event(r#"42["new_message",{"_id":"1"}]"#);
        assert_eq!(read, Some(("new_message".to_owned(), json!({"_id": "1"}))));
        assert_eq!(event(r#"40{"sid":"1"}"#), None);
    }
}
