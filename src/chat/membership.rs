//! `join_conversation` and `leave_conversation`: accepted from members, for clients that expect them.
//!
//! They change nothing. A connection gets the events of all its user's conversations; a room per conversation
//! would only be a second way to get the same message.

use bytes::Bytes;
use socketioxide::extract::SocketRef;

use super::answer::{Answer, EventError, Failure};
use super::event::Ack;
use super::request::{PayloadError, conversation_of};
use super::session::Session;

/// The events' names.
pub(super) const EVENTS: [&str; 2] = ["join_conversation", "leave_conversation"];

/// The most bytes of such an event, which contains an id of 24 characters.
const MAX_BYTES: usize = 4096;

/// Answers whether the user is in the conversation.
pub(super) async fn handle(
    session: &Session,
    event: &'static str,
    socket: &SocketRef,
    ack: Ack,
    text: Bytes,
) {
    match check(session, &text).await {
        Ok(()) => Answer::done().send(ack),
        Err(error) => {
            error.log(event);
            let (code, detail) = (error.code(), error.detail());
            Answer::failed(code, &detail).send(ack);
            Failure::of(code, &detail, None).of_event(event).send(socket);
        }
    }
}

async fn check(session: &Session, text: &Bytes) -> Result<(), EventError> {
    session.judge_token()?;
    // Parsing it takes several times its size in memory, which is not counted.
    if text.len() > MAX_BYTES {
        return Err(PayloadError::TooLong(MAX_BYTES).into());
    }
    let conversation = conversation_of(text)?;
    Ok(session.state().chats.require_participant(session.user(), conversation).await?)
}
