//! As much of Socket.IO 5 over Engine.IO 4 over a websocket as it takes to hear events.

mod frame;
mod handshake;

use std::time::Instant;

use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{self, Receiver};

use super::client::Target;
use super::failure::Failure;
use frame::{Frames, Message};

/// How many events may wait to be looked at.
const WAITING: usize = 1024;

/// An event, and when it came.
#[derive(Debug)]
pub(super) struct Event {
    pub(super) at: Instant,
    pub(super) name: String,
    pub(super) data: Value,
}

/// Connects with this token, and hears every event from then on, until nobody listens any more.
pub(super) async fn listen(target: &Target, token: &str) -> Result<Receiver<Event>, Failure> {
    let stream = TcpStream::connect(target.address).await.map_err(|error| Failure::io("connect", &error))?;
    stream.set_nodelay(true).map_err(|error| Failure::io("connect", &error))?;
    let mut frames = Frames::over(handshake::upgrade(stream, &target.host).await?);
    let opened = text(&mut frames).await?;
    if !opened.starts_with('0') {
        return Err(Failure::new(format_args!("Engine.IO opened with {opened:?}")));
    }
    frames.send_text(&format!("40{}", json!({"token": token}))).await?;
    let joined = text(&mut frames).await?;
    if !joined.starts_with("40") {
        return Err(Failure::new(format_args!("Socket.IO did not connect: {joined:?}")));
    }
    let (sender, events) = mpsc::channel(WAITING);
    tokio::spawn(async move {
        while let Ok(packet) = text(&mut frames).await {
            let at = Instant::now();
            let Some((name, data)) = event(&packet) else { continue };
            if sender.send(Event { at, name, data }).await.is_err() {
                return;
            }
        }
    });
    Ok(events)
}

/// The next packet that says something; a ping is answered.
async fn text(frames: &mut Frames) -> Result<String, Failure> {
    loop {
        match frames.next().await? {
            Message::Text(ping) if ping == "2" => frames.send_text("3").await?,
            Message::Text(packet) => return Ok(packet),
            Message::Closed => return Err(Failure::new("the websocket was closed")),
        }
    }
}

/// The name and the first datum of an event without attachments.
fn event(packet: &str) -> Option<(String, Value)> {
    let Ok(Value::Array(mut parts)) = serde_json::from_str(packet.strip_prefix("42")?) else { return None };
    let data = parts.get_mut(1).map(Value::take).unwrap_or_default();
    Some((parts.first()?.as_str()?.to_owned(), data))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_has_a_name_and_data() {
        let read = event(r#"42["new_message",{"_id":"1"}]"#);
        assert_eq!(read, Some(("new_message".to_owned(), json!({"_id": "1"}))));
        assert_eq!(event(r#"40{"sid":"1"}"#), None);
    }
}
