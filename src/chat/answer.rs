//! The acknowledgement of an event: success or failure.

use serde::Serialize;
use socketioxide::extract::SocketRef;

use super::base64::InvalidBase64;
use super::event::{Ack, Event};
use super::line::TooMany;
use super::names::Name;
use super::request::PayloadError;
use crate::auth::AuthError;
use crate::chats::ChatError;
use crate::http::error::Code;
use crate::message::{ClientMessageId, MessageBody};
use crate::refusals;
use crate::store::StoreError;
use crate::uploads::UploadError;

/// The reason why an event fails.
#[derive(Debug, thiserror::Error)]
pub(super) enum EventError {
    /// The token that the connection began with has expired.
    #[error(transparent)]
    Token(#[from] AuthError),
    /// The payload is not a valid request.
    #[error(transparent)]
    Payload(#[from] PayloadError),
    /// The file is not base64.
    #[error(transparent)]
    Base64(#[from] InvalidBase64),
    /// Too much of this user, or of all users, waits already.
    #[error(transparent)]
    TooMany(#[from] TooMany),
    /// The message may not or cannot be made.
    #[error(transparent)]
    Upload(#[from] UploadError),
    /// The user may not see the conversation or message, or the store failed.
    #[error(transparent)]
    Chat(#[from] ChatError),
    /// Work on another thread ended early: it panicked, or the process is about to stop.
    #[error("interrupted: {0}")]
    Interrupted(#[from] tokio::task::JoinError),
}

impl EventError {
    /// The text for the client. A fault of the server is described in the log only.
    pub(super) fn detail(&self) -> String {
        match self {
            Self::Upload(UploadError::Store(StoreError::Full)) => UploadError::NoRoom.to_string(),
            error if error.is_ours() => "Internal server error".to_owned(),
            error => error.to_string(),
        }
    }

    /// The error's code, for programs.
    pub(super) fn code(&self) -> Code {
        match self {
            Self::Token(error) => error.into(),
            Self::Payload(error) => error.code(),
            Self::Base64(_) => Code::InvalidFile,
            Self::TooMany(_) => Code::TooManyMessages,
            Self::Upload(error) => error.into(),
            Self::Chat(error) => error.into(),
            Self::Interrupted(_) => Code::Internal,
        }
    }

    /// Logs the error. Called once, where the error leaves the server.
    pub(super) fn log(&self, event: &'static str) {
        if self.is_ours() {
            tracing::error!(event, error = %self, "an event failed");
        } else {
            refusals::event(event, &self.detail());
        }
    }

    fn is_ours(&self) -> bool {
        matches!(
            self,
            Self::Upload(UploadError::Store(_)) | Self::Chat(ChatError::Store(_)) | Self::Interrupted(_)
        )
    }
}

/// An acknowledgement's only argument.
#[derive(Debug, Serialize)]
pub(super) struct Answer<'a> {
    success: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<MessageBody<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<Code>,
}

impl<'a> Answer<'a> {
    /// Success without a message.
    pub(super) fn done() -> Self {
        Self { success: true, message: None, detail: None, code: None }
    }

    /// Success: this message was made.
    pub(super) fn made(message: MessageBody<'a>) -> Self {
        Self { success: true, message: Some(message), detail: None, code: None }
    }

    /// Failure.
    pub(super) fn failed(code: Code, detail: &'a str) -> Self {
        Self { success: false, message: None, detail: Some(detail), code: Some(code) }
    }

    /// Sends the answer, if the client asked for an acknowledgement.
    pub(super) fn send(&self, ack: Ack) {
        ack.send(self);
    }
}

/// The payload of `message_error`. The sender gets it whether it asked for an acknowledgement or not.
#[derive(Debug, Serialize)]
pub(super) struct Failure<'a> {
    /// The text, as in the acknowledgement.
    pub(super) detail: &'a str,
    /// The code, as in the acknowledgement.
    code: Code,
    /// The id of the message that failed, if the client gave one that can be read.
    pub(super) client_message_id: Option<&'a str>,
    /// The event that failed, unless it was to make a message.
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<&'a str>,
}

impl<'a> Failure<'a> {
    /// The failure to make the message with this id.
    pub(super) fn of(code: Code, detail: &'a str, id: Option<&'a ClientMessageId>) -> Self {
        Self { detail, code, client_message_id: id.map(ClientMessageId::as_str), event: None }
    }

    /// The failure of this event, which makes no message.
    pub(super) fn of_event(self, event: &'a str) -> Self {
        Self { event: Some(event), ..self }
    }

    /// Emits the failure to the sender.
    pub(super) fn send(&self, socket: &SocketRef) {
        if let Ok(event) = Event::new(Name::MessageError, self) {
            event.send(socket);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::store::StoreError;

    #[test]
    fn answers_have_only_what_they_are_about() {
        let json = |answer: Answer<'_>| serde_json::to_value(answer).expect("serializable");
        assert_eq!(json(Answer::done()), json!({"success": true}));
        let failed = json(Answer::failed(Code::NoRoom, "why"));
        assert_eq!(failed, json!({"success": false, "detail": "why", "code": "no_room"}));
        let failure = || Failure::of(Code::NoRoom, "why", None);
        let json = |failure: Failure<'_>| serde_json::to_value(failure).expect("serializable");
        let told = json!({"detail": "why", "code": "no_room", "client_message_id": null});
        assert_eq!(json(failure()), told);
        let told = json!({"detail": "why", "code": "no_room", "client_message_id": null, "event": "typing"});
        assert_eq!(json(failure().of_event("typing")), told);
    }

    #[test]
    fn what_the_storage_says_stays_inside() {
        let secret = || StoreError::Unavailable("/var/secret".into());
        for error in
            [EventError::from(UploadError::Store(secret())), EventError::from(ChatError::Store(secret()))]
        {
            assert_eq!((error.detail().as_str(), error.code()), ("Internal server error", Code::Unavailable));
        }
        for (error, detail) in [
            (UploadError::NotAParticipant, "You are not a participant in this conversation"),
            (UploadError::Store(StoreError::Full), "There is no room for the upload"),
        ] {
            assert_eq!(EventError::from(error).detail(), detail);
        }
    }
}
