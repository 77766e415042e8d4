//! `join_conversation` and `leave_conversation`: accepted from members, for clients that know no better.
//!
//! They change nothing. A connection hears all of its user's conversations; a room for each would only be
//! another way to hear the same message twice.

use bytes::Bytes;
use socketioxide::extract::AckSender;

use super::answer::{Answer, EventError};
use super::connect::Session;
use super::request::conversation_of;

/// The events' names.
pub(super) const EVENTS: [&str; 2] = ["join_conversation", "leave_conversation"];

/// Answers whether the user is in the conversation.
pub(super) async fn handle(session: &Session, ack: AckSender, text: Bytes) {
    match check(session, &text).await {
        Ok(()) => Answer::done().send(ack),
        Err(error) => {
            error.log("join_conversation or leave_conversation");
            Answer::failed(&error.detail()).send(ack);
        }
    }
}

async fn check(session: &Session, text: &Bytes) -> Result<(), EventError> {
    let conversation = conversation_of(text)?;
    Ok(session.state().chats.require_participant(session.user(), conversation).await?)
}
