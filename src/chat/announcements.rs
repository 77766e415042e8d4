//! //! Telling connected users, each connection once.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use socketioxide::extract::SocketRef;

use super::event::Event;
use super::gate;
use super::leftovers::Leftover;
use super::names::Name;
use super::open::{self, Engine};
use super::session::{NAMESPACE, room_of};
use crate::http::LiveUpload;
use crate::message::{Message, MessageId, UserId};
use crate::store::{Announcement, Announcements, Progress, StoreError};
use crate::telling::Sending;

/// The port of announcements over the Socket.IO connections of this process.
#[derive(Clone)]
pub struct SocketAnnouncements {
    engine: Engine,
}

impl SocketAnnouncements {
    /// Announcements over this engine's connections. Before [`serve`](super::serve) and after
    /// [`close`](super::close) handing over fails, and the publisher still owes the announcement.
    pub fn new(engine: Engine) -> Self {
        Self { engine }
    }

    /// The `new_message` event, with a media link made now: the message may have waited for long.
    fn new_message(&self, message: &Message) -> Result<Arc<Event>, StoreError> {
        written(Event::new_message(&self.engine.presenter, message))
    }

    /// Hands the event to every connection of these users, once each. An event lost by a connection that is
    /// about to end is not an error.
    fn tell(&self, to: &[UserId], event: &Arc<Event>) -> Result<(), StoreError> {
        let users: BTreeSet<&UserId> = to.iter().collect();
        let rooms: Vec<String> = users.into_iter().map(room_of).collect();
        let open = Some(&self.engine).filter(|engine| !engine.is_closed());
        let Some(namespace) = open.and_then(|engine| engine.io.of(NAMESPACE)) else {
            return Err(StoreError::Unavailable("the sockets are not open".into()));
        };
        // To the library an empty list of rooms means every connection.
        if !rooms.is_empty() {
            namespace.within(rooms).sockets().iter().for_each(|socket| gate::tell(socket, event));
        }
        Ok(())
    }
}

/// Tells a connection that has just begun which uploads run in its user's conversations.
pub(super) fn tell_sending(socket: &SocketRef, user: &UserId, sending: &[Sending]) {
    for Sending { progress, is_paused } in sending {
        let upload = LiveUpload::of(progress, progress.sender == *user);
        let names = [Some(Name::UploadStarted), is_paused.then_some(Name::UploadPaused)];
        for event in names.into_iter().flatten().filter_map(|name| Event::new(name, &upload).ok()) {
            event.send(socket);
        }
    }
}

/// The two versions of an upload event: the sender's, and the other members'.
fn told(name: Name, progress: &Progress, message: Option<MessageId>) -> Result<[Arc<Event>; 2], StoreError> {
    let of = |own| written(Event::new(name, &LiveUpload::of(progress, own).became(message)));
    Ok([of(true)?, of(false)?])
}

fn written(event: serde_json::Result<Event>) -> Result<Arc<Event>, StoreError> {
    event.map(Arc::new).map_err(|error| StoreError::Unavailable(error.to_string()))
}

#[async_trait]
impl Announcements for SocketAnnouncements {
    async fn announce(&self, to: &[UserId], announcement: &Announcement) -> Result<(), StoreError> {
        let (event, progress, message) = match announcement {
            Announcement::NewMessage(message) => return self.tell(to, &self.new_message(message)?),
            Announcement::UploadStarted(progress) => (Name::UploadStarted, progress, None),
            Announcement::UploadProgress(progress) => (Name::UploadProgress, progress, None),
            Announcement::UploadPaused(progress) => (Name::UploadPaused, progress, None),
            Announcement::UploadFinished(progress, id) => (Name::UploadFinished, progress, Some(*id)),
            Announcement::UploadCancelled(progress) => (Name::UploadCancelled, progress, None),
        };
        let (own, others): (Vec<_>, Vec<_>) = to.iter().cloned().partition(|user| *user == progress.sender);
        let [to_sender, to_others] = told(event, progress, message)?;
        self.tell(&others, &to_others)?;
        self.tell(&own, &to_sender)
    }

    // A leftover waits for some seconds at most, so its media link can be made here.
    async fn leave(&self, to: &[UserId], message: &Message) -> Result<bool, StoreError> {
        let finished = told(Name::UploadFinished, &Progress::of_message(message), Some(message.id))?;
        let leftover = Leftover::new(to, &message.sender, self.new_message(message)?, finished);
        Ok(self.engine.leftovers.add(leftover))
    }

    fn let_go(&self) {
        self.engine.leftovers.let_go();
    }

    fn start_over(&self) {
        open::part(&self.engine);
    }
}

impl std::fmt::Debug for SocketAnnouncements {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SocketAnnouncements")
    }
}
