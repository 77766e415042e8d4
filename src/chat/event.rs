//! An event for clients: serialized once, and counted for each session until its client has read it.

use std::convert::Infallible;
use std::sync::Arc;

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use socketioxide::adapter::LocalAdapter;
use socketioxide::extract::{AckSender, SocketRef};
use socketioxide::handler::{FromMessageParts, Value};
use socketioxide::socket::Socket;

use super::names::Name;
use super::transport::Guest;
use crate::links::Presenter;
use crate::message::{Message, MessageId};
use crate::time::Timestamp;

/// The most bytes around an event's payload: its name and the protocol's marks.
const AROUND: usize = 64;

/// An event to be sent to clients.
#[derive(Debug)]
pub(super) struct Event {
    name: Name,
    data: Box<RawValue>,
    /// The message that the event announces.
    pub(super) message: Option<MessageId>,
}

impl Event {
    /// An event with this payload.
    ///
    /// # Errors
    /// If the payload cannot be written as JSON.
    pub(super) fn new(name: Name, data: &impl Serialize) -> serde_json::Result<Self> {
        Ok(Self { name, data: to_raw_value(data)?, message: None })
    }

    /// The event that announces this message, as members are given it now.
    ///
    /// # Errors
    /// If the payload cannot be written as JSON.
    pub(super) fn new_message(presenter: &Presenter, message: &Message) -> serde_json::Result<Self> {
        let event = Self::new(Name::NewMessage, &presenter.body(message, Timestamp::now()))?;
        Ok(Self { message: Some(message.id), ..event })
    }

    /// How many bytes the event counts for.
    pub(super) fn bytes(&self) -> usize {
        self.data.get().len() + AROUND
    }

    /// Whether the event may wait until the connection is ready for it. If so, it is counted.
    pub(super) fn may_wait(&self, socket: &SocketRef) -> bool {
        Guest::of(socket).is_none_or(|guest| guest.backlog().hold(self.bytes()))
    }

    /// Sends the event to this socket. One that is gone or too slow gets nothing; its client is sent what it
    /// missed when it comes back.
    pub(super) fn send(&self, socket: &SocketRef) {
        let has_room = Guest::of(socket).is_none_or(|guest| guest.backlog().add(self.bytes()));
        if has_room && let Err(error) = socket.emit(self.name.as_str(), &self.data) {
            tracing::debug!(event = self.name.as_str(), %error, "an event found no room or no connection");
        }
    }
}

/// The acknowledgement of an event, if the client asked for one.
pub(super) struct Ack {
    sender: AckSender,
    guest: Option<Arc<Guest>>,
    is_asked_for: bool,
}

impl Ack {
    /// Sends the acknowledgement with this one argument.
    pub(super) fn send(self, answer: &impl Serialize) {
        let Ok(answer) = to_raw_value(answer) else { return };
        let has_room = self.guest.is_none_or(|guest| guest.backlog().add(answer.get().len() + AROUND));
        if self.is_asked_for
            && has_room
            && let Err(error) = self.sender.send(&answer)
        {
            tracing::debug!(%error, "an acknowledgement found no room or no connection");
        }
    }
}

impl FromMessageParts<LocalAdapter> for Ack {
    type Error = Infallible;

    fn from_message_parts(
        socket: &Arc<Socket<LocalAdapter>>,
        value: &mut Value,
        id: &Option<i64>,
    ) -> Result<Self, Infallible> {
        // An acknowledgement that the client did not ask for is not sent, and does not count.
        let guest = id.and_then(|_| socket.req_parts().extensions.get().cloned());
        let sender = AckSender::from_message_parts(socket, value, id)?;
        Ok(Self { sender, guest, is_asked_for: id.is_some() })
    }
}
