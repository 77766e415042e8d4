//! Telling connected users, each connection once.

use std::collections::BTreeSet;

use async_trait::async_trait;
use serde::Serialize;
use socketioxide::BroadcastError;

use super::connect::{NAMESPACE, room_of};
use super::event::Event;
use super::open::Engine;
use crate::message::{Message, MessageId, UserId};
use crate::store::{Announcement, Announcements, Progress, StoreError};
use crate::time::Timestamp;

/// The port of announcements over the Socket.IO connections of this process.
#[derive(Clone)]
pub struct SocketAnnouncements {
    engine: Engine,
}

impl SocketAnnouncements {
    /// Over this engine. Before [`serve`](super::serve) and after [`close`](super::close) nothing can be handed
    /// over, and what is owed stays owed.
    pub fn new(engine: Engine) -> Self {
        Self { engine }
    }

    /// The link in it is made now: the message may have waited for long.
    async fn tell(&self, to: &[UserId], message: &Message) -> Result<(), StoreError> {
        self.emit(to, "new_message", &self.engine.presenter.body(message, Timestamp::now())).await
    }

    async fn emit<T: Serialize>(
        &self,
        to: &[UserId],
        name: &'static str,
        data: &T,
    ) -> Result<(), StoreError> {
        let users: BTreeSet<&UserId> = to.iter().collect();
        let rooms: Vec<String> = users.into_iter().map(room_of).collect();
        let open = Some(&self.engine).filter(|engine| !engine.is_closed());
        let connections = || {
            let namespace = open.and_then(|engine| engine.io.of(NAMESPACE));
            namespace.map(|namespace| namespace.within(rooms.clone()))
        };
        let (Some(each), Some(all)) = (connections(), connections()) else {
            return Err(StoreError::Unavailable("the sockets are not open".into()));
        };
        if rooms.is_empty() {
            // To the library no rooms mean everybody.
            return Ok(());
        }
        let event = written(name, data)?;
        for socket in each.sockets() {
            if !event.takes_room(&socket) {
                // It ends, and until then nothing more is to wait for it.
                socket.leave_all();
            }
        }
        match all.emit(name, &event.data).await {
            // The other connections have been told, and telling again would tell them twice: what one lost that is
            // about to end is not an error of the announcement.
            Ok(()) | Err(BroadcastError::Socket(_)) => Ok(()),
            Err(error) => Err(StoreError::Unavailable(error.to_string())),
        }
    }
}

fn written<T: Serialize>(name: &'static str, data: &T) -> Result<Event, StoreError> {
    Event::new(name, data).map_err(|error| StoreError::Unavailable(error.to_string()))
}

#[async_trait]
impl Announcements for SocketAnnouncements {
    async fn announce(&self, to: &[UserId], announcement: &Announcement) -> Result<(), StoreError> {
        let (event, progress, message) = match announcement {
            Announcement::NewMessage(message) => {
                return self.tell(to, message).await;
            }
            Announcement::UploadStarted(progress) => ("upload_started", progress, None),
            Announcement::UploadProgress(progress) => ("upload_progress", progress, None),
            Announcement::UploadFinished(progress, id) => ("upload_finished", progress, Some(*id)),
            Announcement::UploadCancelled(progress) => ("upload_cancelled", progress, None),
        };
        self.emit(to, event, &LiveUpload::of(progress, message)).await
    }

    // What is left waits for some seconds at most, so its link can be made here.
    async fn leave(&self, to: &[UserId], message: &Message) -> Result<bool, StoreError> {
        let event = written("new_message", &self.engine.presenter.body(message, Timestamp::now()))?;
        Ok(self.engine.leftovers.add(to, event))
    }

    fn let_go(&self) {
        self.engine.leftovers.let_go();
    }
}

impl std::fmt::Debug for SocketAnnouncements {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SocketAnnouncements")
    }
}

/// A live event's payload.
#[derive(Debug, Serialize)]
struct LiveUpload<'a> {
    upload_id: String,
    conversation_id: String,
    sender: &'a str,
    file_name: &'a str,
    offset: u64,
    length: Option<u64>,
    percent: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_id: Option<String>,
}

impl<'a> LiveUpload<'a> {
    fn of(progress: &'a Progress, message: Option<MessageId>) -> Self {
        Self {
            upload_id: progress.upload_id.to_string(),
            conversation_id: progress.conversation_id.to_string(),
            sender: progress.sender.as_str(),
            file_name: &progress.file_name,
            offset: progress.offset,
            length: progress.length,
            percent: progress.percent(),
            message_id: message.map(|id| id.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::upload::UploadId;

    #[test]
    fn a_live_event_has_a_message_only_once_there_is_one() {
        let progress = Progress {
            upload_id: UploadId::from_bytes([1; 16]),
            conversation_id: "507f1f77bcf86cd799439012".parse().expect("valid"),
            sender: "user@example.com".parse().expect("valid"),
            file_name: "a.mp4".into(),
            offset: 1,
            length: None,
        };
        let expected = json!({
            "upload_id": "01010101010101010101010101010101",
            "conversation_id": "507f1f77bcf86cd799439012", "sender": "user@example.com",
            "file_name": "a.mp4", "offset": 1, "length": null, "percent": 0
        });
        let json = |event: LiveUpload<'_>| serde_json::to_value(event).expect("serializable");
        assert_eq!(json(LiveUpload::of(&progress, None)), expected);
        let finished = LiveUpload::of(&progress, Some(MessageId::from_bytes([2; 12])));
        assert_eq!(json(finished)["message_id"], "020202020202020202020202");
    }
}
