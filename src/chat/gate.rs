//! What happens, on its way to one connection: each event once, and in order.
//!
//! ```text
//!  held ── the connection is there, and has been told of what it missed ──► open
//!    what happens is kept                 told first, then what was kept      told at once
//! ```
//! A connection is among those of its user from before it hears that it is connected, so that nothing is lost in
//! between. Of a message that is read from the store and announced as well, only the first counts.

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

/// Where events wait while a connection is not ready for them.
#[derive(Debug)]
pub(super) struct Gate(Mutex<State>);

#[derive(Debug)]
enum State {
    Held(Held),
    /// Messages that were told and are still to be announced.
    Open(HashSet<MessageId>),
}

#[derive(Debug, Default)]
struct Held {
    events: Vec<Arc<Event>>,
    told: HashSet<MessageId>,
    end: Option<CaughtUp>,
}

/// The payload of `caught_up`, behind everything that was missed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct CaughtUp {
    /// The last message that was told, or the one that the client named; `None` if that is no id.
    after: Option<String>,
    /// Whether that was everything.
    complete: bool,
    /// Why not, unless it was too much.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    failure: Option<Failure>,
}

/// An error as everywhere.
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

/// Tells a connection of what happens.
pub(super) fn tell(socket: &SocketRef, event: &Arc<Event>) {
    match socket.extensions.get::<Arc<Gate>>() {
        Some(gate) => gate.tell(socket, event),
        None => event.send(socket),
    }
}

impl Gate {
    /// Of a connection that begins.
    pub(super) fn held(after: &After) -> Self {
        let end = |after| CaughtUp { after, complete: false, failure: None };
        let end = match after {
            After::Nothing => None,
            After::Unreadable => Some(end(None)),
            After::Message(id) => Some(end(Some(id.to_string()))),
        };
        Self(Mutex::new(State::Held(Held { end, ..Held::default() })))
    }

    /// Something happens. What finds no room ends the waiting, and with it the telling of what was missed.
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

    /// Everything that was missed has been told, or this is why not. Of these messages no announcement is to come any
    /// more.
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
    /// Tells that this is the end of what was missed, and then what waits; answers what was told.
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
