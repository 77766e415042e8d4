//! What a crash left unannounced, for those who connect again.
//!
//! Clients of the process before need some seconds to come back. A message of which nobody has been told waits for
//! them here, and each connection gets it right behind the word that it is connected. Later, it would come between
//! what a client sends and what it hears of that, and a client that waits for the next `new_message` would take it
//! for its own.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use socketioxide::extract::SocketRef;

use crate::base_path::BasePath;
use crate::message::{Message, UserId};

/// The messages that wait; each connection of their members hears each of them once.
pub(super) struct Leftovers {
    waiting: Mutex<Waiting>,
    base_path: BasePath,
}

#[derive(Default)]
struct Waiting {
    messages: Vec<(BTreeSet<UserId>, Message)>,
    greeted: HashMap<UserId, Vec<SocketRef>>,
    is_over: bool,
}

impl Leftovers {
    /// None yet; their media are below this path.
    pub(super) fn told_below(base_path: BasePath) -> Self {
        Self { waiting: Mutex::default(), base_path }
    }

    /// Tells a connection of this user, which is there from now on, of everything that waits. Whatever it sends is
    /// looked at afterwards.
    pub(super) fn greet(&self, user: &UserId, socket: &SocketRef) {
        let mut waiting = self.lock();
        for (_, message) in waiting.messages.iter().filter(|(members, _)| members.contains(user)) {
            self.tell(socket, message);
        }
        if !waiting.is_over {
            waiting.greeted.entry(user.clone()).or_default().push(socket.clone());
        }
    }

    /// Tells the connections of these users that have been greeted, and every later one when it is. Answers whether
    /// that is still done.
    pub(super) fn add(&self, to: &[UserId], message: &Message) -> bool {
        let mut waiting = self.lock();
        if waiting.is_over {
            return false;
        }
        let members: BTreeSet<UserId> = to.iter().cloned().collect();
        for socket in members.iter().filter_map(|user| waiting.greeted.get(user)).flatten() {
            self.tell(socket, message);
        }
        waiting.messages.push((members, message.clone()));
        true
    }

    /// Nobody is waited for any more.
    pub(super) fn let_go(&self) {
        *self.lock() = Waiting { is_over: true, ..Waiting::default() };
    }

    /// A connection that is gone or too slow hears nothing, as of any other message.
    fn tell(&self, socket: &SocketRef, message: &Message) {
        if let Err(error) = socket.emit("new_message", &message.body(&self.base_path)) {
            tracing::debug!(%error, "a message that was left over found no room or no connection");
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
