//! The answer that carries a message.

use serde::Serialize;

use crate::message::MessageBody;

/// The body `{"success":true,"message":{…}}`.
#[derive(Debug, Serialize)]
pub(crate) struct Sent<'a> {
    success: bool,
    message: MessageBody<'a>,
}

impl<'a> Sent<'a> {
    /// The answer for this message.
    pub(crate) fn of(message: MessageBody<'a>) -> Self {
        Self { success: true, message }
    }
}
