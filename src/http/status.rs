//! The status document of an upload.

use serde::Serialize;

use super::outside::Outside;
use crate::message::MessageBody;
use crate::upload::{Concat, State};
use crate::uploads::Standing;

/// Everything that the owner of an upload may know of it.
#[derive(Debug, Serialize)]
pub(crate) struct Status<'a> {
    upload_id: String,
    state: &'static str,
    /// Whether the upload gets no message of its own, because it is a part of another upload.
    is_partial: bool,
    offset: u64,
    length: Option<u64>,
    created_at: String,
    expires_at: Option<String>,
    conversation_id: Option<String>,
    client_message_id: Option<&'a str>,
    file_name: &'a str,
    mime_type: String,
    message: Option<MessageBody<'a>>,
    detail: Option<String>,
}

impl<'a> Status<'a> {
    pub(super) fn of(standing: &'a Standing, outside: &'a Outside) -> Self {
        let upload = &standing.upload;
        let binding = upload.binding.as_ref();
        Self {
            upload_id: upload.id.to_string(),
            state: standing.state(),
            is_partial: upload.concat == Concat::Partial,
            offset: upload.offset,
            length: upload.length.known(),
            created_at: upload.created_at.rfc3339(),
            expires_at: standing.expires_at.map(|at| at.rfc3339()),
            conversation_id: binding.map(|binding| binding.conversation_id.to_string()),
            client_message_id: binding.and_then(|b| b.client_message_id.as_ref()).map(|id| id.as_str()),
            file_name: upload.file_name(),
            mime_type: upload.mime_type(),
            message: standing.message.as_ref().map(|message| outside.message(message)),
            detail: match &upload.state {
                State::Rejected(rejection) => Some(rejection.reason.to_string()),
                _ => None,
            },
        }
    }
}
