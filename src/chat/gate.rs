//! The gate of a connection, through which it gets each event once, and in order.
//!
//! ```text
//!  held ── the missed messages are told, then the events that were kept ──► open
//!    events are kept                                                           events are sent at once
//! ```
//! A connection is in its user's room before its client hears that it is connected, so that no event is lost
//! in between. A message that is both read from the store and announced is sent once.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use socketioxide::extract::SocketRef;

use super::event::Event;
use super::names::Name;
use super::presented::After;
use super::transport::Guest;
use crate::http::error::Code;
use crate::message::MessageId;

/// The gate that keeps events while a connection is not ready for them.
#[derive(Debug)]
pub(super) struct Gate(Mutex<State>);

#[derive(Debug)]
enum State {
    Held(Held),
    /// Missed messages that were told and are still to be announced.
    Open(HashSet<MessageId>),
}

#[derive(Debug, Default)]
struct Held {
    events: Vec<Arc<Event>>,
    told: HashSet<MessageId>,
    end: Option<CaughtUp>,
}

/// The payload of `caught_up`, sent after everything that was missed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct CaughtUp {
    /// The last message that was told, or the one that the client named; `None` if that is no id.
    after: Option<String>,
    /// Whether everything that was missed has been told.
    complete: bool,
    /// The reason, if something other than too many messages prevented it.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    failure: Option<Failure>,
}

/// The text and code of an error, as everywhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Failure {
    detail: String,
    code: Code,
}

impl Failure {
    pub(super) fn of(code: Code, detail: String) -> Self {
        Self { detail, code }
    }
}

/// Passes an event to a connection, through its gate.
pub(super) fn tell(socket: &SocketRef, event: &Arc<Event>) {
    match socket.extensions.get::<Arc<Gate>>() {
        Some(gate) => gate.tell(socket, event),
        None => event.send(socket),
    }
}

impl Gate {
    /// The gate of a connection that begins, which keeps events.
    pub(super) fn held(after: &After) -> Self {
        let end = |after| CaughtUp { after, complete: false, failure: None };
        let end = match after {
            After::Nothing => None,
            After::Unreadable => Some(end(None)),
            After::Message(id) => Some(end(Some(id.to_string()))),
        };
        Self(Mutex::new(State::Held(Held { end, ..Held::default() })))
    }

    /// Keeps or sends an event. One that finds no room opens the gate, and ends the telling of what was
    /// missed.
    fn tell(&self, socket: &SocketRef, event: &Arc<Event>) {
        let mut state = self.lock();
        if let State::Held(held) = &mut *state {
            if event.may_wait(socket) {
                held.events.push(Arc::clone(event));
                return;
            }
            let told = std::mem::take(held).release(socket);
            *state = State::Open(told);
        }
        if let State::Open(told) = &*state
            && event.message.is_none_or(|id| !told.contains(&id))
        {
            event.send(socket);
        }
    }

    /// Tells of a message that was missed; answers whether to go on.
    pub(super) fn tell_missed(&self, socket: &SocketRef, event: &Event) -> bool {
        let mut state = self.lock();
        let State::Held(held) = &mut *state else { return false };
        held.told.extend(event.message);
        if let Some(end) = &mut held.end {
            end.after = event.message.map(|id| id.to_string());
        }
        event.send(socket);
        true
    }

    /// Opens the gate: everything that was missed has been told, or the outcome says why not. The messages in
    /// `announced` will not be announced again.
    pub(super) fn open(
        &self,
        socket: &SocketRef,
        outcome: Result<(), Option<Failure>>,
        announced: &[MessageId],
    ) {
        let mut state = self.lock();
        let State::Held(held) = &mut *state else { return };
        if let Some(end) = &mut held.end {
            (end.complete, end.failure) = (outcome.is_ok(), outcome.err().flatten());
        }
        let mut told = std::mem::take(held).release(socket);
        announced.iter().for_each(|id| _ = told.remove(id));
        *state = State::Open(told);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    /// Sends `caught_up` and then the events that were kept; answers which missed messages were told.
    fn release(self, socket: &SocketRef) -> HashSet<MessageId> {
        if let Some(event) = self.end.and_then(|end| Event::new(Name::CaughtUp, &end).ok()) {
            event.send(socket);
        }
        if let Some(guest) = Guest::of(socket) {
            guest.backlog().let_go();
        }
        let is_new = |event: &&Arc<Event>| event.message.is_none_or(|id| !self.told.contains(&id));
        self.events.iter().filter(is_new).for_each(|event| event.send(socket));
        self.told
    }
}
