//! The answer that carries a message.

use serde::Serialize;

use crate::base_path::BasePath;
use crate::message::{Message, MessageBody};

/// `{"success":true,"message":{…}}`.
#[derive(Debug, Serialize)]
pub(crate) struct Sent<'a> {
    success: bool,
    message: MessageBody<'a>,
}

impl<'a> Sent<'a> {
    /// The answer for this message.
    pub(crate) fn of(message: &'a Message, base: &'a BasePath) -> Self {
        Self { success: true, message: message.body(base) }
    }
}
