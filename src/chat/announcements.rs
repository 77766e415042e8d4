//! Telling connected users, each connection once.

use std::collections::BTreeSet;

use async_trait::async_trait;
use serde::Serialize;
use socketioxide::BroadcastError;
use socketioxide::extract::SocketRef;

use super::connect::{NAMESPACE, room_of};
use super::event::Event;
use super::open::Engine;
use crate::http::LiveUpload;
use crate::message::{Message, UserId};
use crate::store::{Announcement, Announcements, StoreError};
use crate::time::Timestamp;
use crate::uploads::Sending;

/// Events that a connection hears when it begins, too.
const STARTED: &str = "upload_started";
const PAUSED: &str = "upload_paused";

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

/// Tells a connection that has just begun what is being sent in the conversations of its user.
pub(super) fn tell_sending(socket: &SocketRef, user: &UserId, sending: &[Sending]) {
    for Sending { progress, is_paused } in sending {
        let upload = LiveUpload::of(progress, progress.sender == *user);
        let names = [Some(STARTED), is_paused.then_some(PAUSED)];
        for event in names.into_iter().flatten().filter_map(|name| Event::new(name, &upload).ok()) {
            event.tell(socket);
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
            Announcement::UploadStarted(progress) => (STARTED, progress, None),
            Announcement::UploadProgress(progress) => ("upload_progress", progress, None),
            Announcement::UploadPaused(progress) => (PAUSED, progress, None),
            Announcement::UploadFinished(progress, id) => ("upload_finished", progress, Some(*id)),
            Announcement::UploadCancelled(progress) => ("upload_cancelled", progress, None),
        };
        let (own, others): (Vec<_>, Vec<_>) = to.iter().cloned().partition(|user| *user == progress.sender);
        self.emit(&others, event, &LiveUpload::of(progress, false).became(message)).await?;
        self.emit(&own, event, &LiveUpload::of(progress, true).became(message)).await
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
