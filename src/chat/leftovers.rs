//! Messages that a crash left unannounced, for clients that connect again.
//!
//! The previous process's clients need some seconds to come back. An unannounced message waits for them here,
//! and each connection gets it right after it hears that it is connected. Later, the message would come
//! between what a client sends and the answer to that, and a client that waits for the next `new_message`
//! would take it for its own.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use socketioxide::extract::SocketRef;

use super::backlog::{LEAST_BYTES, SESSION_BYTES};
use super::event::Event;
use super::gate;
use crate::message::UserId;

/// The most bytes of leftovers. A connection is told all of them at once, and has room for as much again.
const MOST_BYTES: usize = SESSION_BYTES / 2;

/// The leftover messages. Each connection of their members is told each of them once.
#[derive(Default)]
pub(super) struct Leftovers(Mutex<Waiting>);

/// A message, and the event after it that says that its upload is finished.
pub(super) struct Leftover {
    members: BTreeSet<UserId>,
    sender: UserId,
    message: Arc<Event>,
    /// The `upload_finished` event for the sender, and for the other members.
    finished: [Arc<Event>; 2],
}

#[derive(Default)]
struct Waiting {
    messages: Vec<Leftover>,
    bytes: usize,
    greeted: HashMap<UserId, Vec<SocketRef>>,
    is_over: bool,
}

impl Leftovers {
    /// Tells a new connection of this user all leftovers; later ones are told when they are added. Events
    /// from the connection are looked at afterwards.
    pub(super) fn greet(&self, user: &UserId, socket: &SocketRef) {
        let mut waiting = self.lock();
        for message in waiting.messages.iter().filter(|message| message.members.contains(user)) {
            message.tell(user, socket);
        }
        if !waiting.is_over {
            let greeted = waiting.greeted.entry(user.clone()).or_default();
            // A socket that is gone would keep its place among its user's sessions.
            greeted.retain(|socket| socket.connected());
            greeted.push(socket.clone());
        }
    }

    /// Tells the members' connections that have been greeted, and every later one when it is. Answers whether
    /// leftovers are still told, and there is room for the message.
    pub(super) fn add(&self, message: Leftover) -> bool {
        let mut waiting = self.lock();
        let bytes = waiting.bytes + message.bytes();
        if waiting.is_over || bytes > MOST_BYTES {
            return false;
        }
        waiting.bytes = bytes;
        for user in &message.members {
            let greeted = waiting.greeted.get(user).into_iter().flatten();
            greeted.for_each(|socket| message.tell(user, socket));
        }
        waiting.messages.push(message);
        true
    }

    /// Ends the telling of leftovers: no client is waited for any more.
    pub(super) fn let_go(&self) {
        *self.lock() = Waiting { is_over: true, ..Waiting::default() };
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Leftover {
    /// The leftover message for these members.
    pub(super) fn new(
        members: &[UserId],
        sender: &UserId,
        message: Arc<Event>,
        finished: [Arc<Event>; 2],
    ) -> Self {
        Self { members: members.iter().cloned().collect(), sender: sender.clone(), message, finished }
    }

    fn tell(&self, user: &UserId, socket: &SocketRef) {
        let [to_sender, to_others] = &self.finished;
        let finished = if *user == self.sender { to_sender } else { to_others };
        [&self.message, finished].into_iter().for_each(|event| gate::tell(socket, event));
    }

    /// How many bytes a member's connection needs room for.
    fn bytes(&self) -> usize {
        [&self.message, &self.finished[0]].into_iter().map(|event| event.bytes().max(LEAST_BYTES)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_bounded_by_its_bytes_and_fits_into_one_session() {
        for size in [1, 1000, 40_000] {
            let leftovers = Leftovers::default();
            let event = || {
                Arc::new(
                    Event::new(crate::chat::names::Name::NewMessage, &"a".repeat(size))
                        .expect("serializable"),
                )
            };
            let sender = "ann".parse().expect("valid");
            let message = || Leftover::new(&[], &sender, event(), [event(), event()]);
            let count = (0..).take_while(|_| leftovers.add(message())).count();
            assert_eq!(count, MOST_BYTES / message().bytes(), "{size}");
            leftovers.let_go();
            assert!(!leftovers.add(message()), "it is too late");
        }
    }
}
