use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::chance::Chance;
use super::desk::Desk;
use super::insist::insist;
use super::way::Way;
use harness::chat::User;
use harness::content::Content;
use harness::script::Script;
use harness::script::socket;

/// How long an acknowledgement may take before it counts as a hang.
const HANG: Duration = Duration::from_secs(150);
/// The largest file: an event is one frame, so these are small pictures.
const LARGEST: u64 = 60_000;

/// A member who sends files as Socket.IO events, with Node's client, which reconnects by itself.
#[derive(Debug)]
pub(super) struct Correspondent {
    script: Script,
    file: PathBuf,
}

impl Correspondent {
    pub(super) async fn connect(desk: &Desk, user: &User) -> Self {
        let script = socket(&desk.chat.server.url(), &user.token, &["websocket"]).await;
        Self { script, file: desk.chat.server.scratch("by-socket.jpg") }
    }

    /// Sends one file after the other until `stop`.
    pub(super) async fn work(mut self, desk: &Desk, stop: &AtomicBool, mut chance: Chance) {
        while !stop.load(Ordering::Relaxed) {
            let content = Content::random(chance.within(1..LARGEST));
            let job = desk.books.open(Way::Socket, &content);
            content.write_to(&self.file);
            let id = desk.books.id(job);
            let mut attempt = 0;
            let message = insist(async || {
                attempt += 1;
                self.send(desk, &id, attempt).await
            })
            .await;
            desk.books.message(job, &message);
            desk.books.close(job);
            // Everything is told to this member, and each look would take longer than the one before.
            self.script.forget_but(is_of_connection);
        }
    }

    /// Emits the event and waits for its acknowledgement, unless the connection is lost.
    async fn send(&mut self, desk: &Desk, id: &str, attempt: usize) -> io::Result<String> {
        let _pass = desk.gate.pass().await;
        let Some(connection) = self.connection() else {
            let last = self.script.look(|events| events.last().cloned());
            return Err(io::Error::new(io::ErrorKind::NotConnected, format!("not connected since {last:?}")));
        };
        let name = format!("{id}/{attempt}");
        self.script.order(&self.event(desk, id, &name)).await;
        let end = Instant::now() + HANG;
        while self.connection().as_ref() == Some(&connection) {
            if let Some(answer) = self.answer(&name) {
                return message_of(desk, &answer);
            }
            assert!(Instant::now() < end, "no acknowledgement of {name} came");
            tokio::time::sleep(super::PAUSE).await;
        }
        Err(io::ErrorKind::ConnectionReset.into())
    }

    /// The client's present connection. The client may report the end of a connection whose beginning it
    /// never reported.
    fn connection(&self) -> Option<Value> {
        self.script.look(|events| {
            let last = events.iter().rev().find(|seen| is_of_connection(seen));
            last.filter(|seen| seen["event"] == "connect").map(|seen| seen["data"]["id"].clone())
        })
    }

    /// The answer to the event of this name, once it was acknowledged.
    fn answer(&self, name: &str) -> Option<Value> {
        self.script.look(|events| {
            let mut acks = events.iter().rev().filter(|seen| seen["event"] == "ack");
            acks.find(|seen| seen["data"]["of"] == name).map(|seen| seen["data"]["answer"].clone())
        })
    }

    fn event(&self, desk: &Desk, id: &str, name: &str) -> Value {
        let data = json!({
            "conversation_id": desk.chat.conversation,
            "content": null,
            "type": "image",
            "file_name": "by-socket.jpg",
            "reply_to": null,
            "client_message_id": id,
        });
        json!({"emit": "send_message", "ack": name, "file": self.file, "data": data})
    }
}

fn is_of_connection(seen: &Value) -> bool {
    seen["event"] == "connect" || seen["event"] == "disconnect"
}

fn message_of(desk: &Desk, answer: &Value) -> io::Result<String> {
    if answer["success"] == true {
        return Ok(answer["message"]["_id"].as_str().expect("a message has an id").to_owned());
    }
    let detail = answer["detail"].as_str().unwrap_or_default().to_owned();
    let is_full = desk.may_be_full && detail.contains("room");
    // What nodes share may be away.
    let is_away = desk.nodes.is_some() && answer["code"] == "unavailable";
    // Another request makes the message, or the next server will.
    let may_be_repeated =
        is_away || ["being worked on", "restarting"].iter().any(|text| detail.contains(text));
    assert!(is_full || may_be_repeated, "the socket was answered {answer}");
    Err(io::Error::new(io::ErrorKind::ResourceBusy, detail))
}
