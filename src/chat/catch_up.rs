//! Telling a connection what it missed since the message that `auth.after` names.

use socketioxide::extract::SocketRef;
use tokio::sync::Semaphore;

use super::answer::EventError;
use super::event::Event;
use super::gate::Failure;
use super::presented::After;
use super::session::Session;
use super::transport::Guest;
use crate::chats::{ChatError, Missed};
use crate::http::error::Code;
use crate::message::MessageId;
use crate::time::Timestamp;

/// At most this many messages are told; a client that missed more reads them page by page.
const MOST: usize = 1000;
/// How many connections' missed messages are looked up at the same time.
const AT_ONCE: usize = 2;
/// A message is read from the store once at most this many bytes wait for the client.
pub(super) const AHEAD_BYTES: usize = 64 * 1024;

/// The permits to look up missed messages.
#[derive(Debug)]
pub(super) struct CatchingUp(Semaphore);

impl CatchingUp {
    pub(super) fn new() -> Self {
        Self(Semaphore::new(AT_ONCE))
    }

    /// Tells a connection what it missed, as fast as its client reads, and then opens its gate.
    pub(super) async fn catch_up(&self, session: &Session, socket: &SocketRef) {
        let mut announced = Vec::new();
        let outcome = match session.after() {
            After::Nothing => Ok(()),
            After::Unreadable => Err(Some(Failure::of(Code::InvalidMessageId, "Invalid after".to_owned()))),
            After::Message(known) => self.tell_missed(session, socket, *known, &mut announced).await,
        };
        session.gate().open(socket, outcome, &announced);
    }

    async fn tell_missed(
        &self,
        session: &Session,
        socket: &SocketRef,
        known: MessageId,
        announced: &mut Vec<MessageId>,
    ) -> Result<(), Option<Failure>> {
        let missed = self.missed(session, known).await.map_err(failure)?;
        for id in &missed.messages {
            if !tell(session, socket, *id).await.map_err(failure)? {
                return Err(None);
            }
        }
        for id in missed.messages {
            if !session.state().chats.is_unannounced(id).await.map_err(failure)? {
                announced.push(id);
            }
        }
        // An id that is ahead of the clock does not say which messages are newer.
        let is_all = missed.is_all && known.secs() <= Timestamp::now().secs();
        match missed.is_known {
            false => Err(failure(ChatError::MessageNotFound)),
            true => is_all.then_some(()).ok_or(None),
        }
    }

    async fn missed(&self, session: &Session, known: MessageId) -> Result<Missed, ChatError> {
        let _turn = self.0.acquire().await;
        session.state().chats.missed(session.user(), known, MOST).await
    }
}

/// Tells of one message once the client has read enough; answers whether to go on.
async fn tell(session: &Session, socket: &SocketRef, id: MessageId) -> Result<bool, ChatError> {
    if let Some(guest) = Guest::of(socket) {
        guest.backlog().until_no_more_waits_than(AHEAD_BYTES).await;
    }
    let message = match session.state().chats.message(session.user(), id).await {
        Ok(message) => message,
        // The user left the conversation meanwhile.
        Err(ChatError::MessageNotFound) => return Ok(true),
        Err(error) => return Err(error),
    };
    let event = Event::new_message(session.presenter(), &message);
    Ok(event.is_ok_and(|event| session.gate().tell_missed(socket, &event)))
}

fn failure(error: ChatError) -> Option<Failure> {
    let error = EventError::from(error);
    error.log("connect");
    Some(Failure::of(error.code(), error.detail()))
}
