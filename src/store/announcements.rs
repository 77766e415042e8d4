//! The port of announcements: telling people who are connected now.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::error::StoreError;
use crate::message::{ConversationId, Message, MessageId, MessageKind, UserId};
use crate::upload::UploadId;

/// Tells connected users of what happened. Nothing depends on it: whoever was not told finds everything in
/// what is stored.
#[async_trait]
pub trait Announcements: Send + Sync + 'static {
    /// Hands the announcement to every connection of these users, once each. It answers when it was handed
    /// over, which is not when it arrived.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if it could not be handed over; doing it again may tell some twice.
    async fn announce(&self, to: &[UserId], announcement: &Announcement) -> Result<(), StoreError>;

    /// Hands over a message of which a crash may have kept its members from hearing, and that its upload is finished: to
    /// every connection of these users that is there, and, until [`Announcements::let_go`], to each one that comes, before anything that it
    /// sends is looked at. Answers whether that is done: afterwards, or if there is no room to keep the message, it is
    /// an announcement as any other, and still to be made.
    ///
    /// # Errors
    /// As of [`Announcements::announce`].
    async fn leave(&self, to: &[UserId], message: &Message) -> Result<bool, StoreError>;

    /// Whoever comes from now on is not told of what was left.
    fn let_go(&self);
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Announcement {
    /// A message was made: event `new_message`.
    NewMessage(Box<Message>),
    /// An upload began: event `upload_started`.
    UploadStarted(Progress),
    /// Bytes came, told at most once a second: event `upload_progress`.
    UploadProgress(Progress),
    /// Nothing comes any more: event `upload_paused`.
    UploadPaused(Progress),
    /// An upload became this message, which was announced before: event `upload_finished`.
    UploadFinished(Progress, MessageId),
    /// An upload will never become a message: event `upload_cancelled`.
    UploadCancelled(Progress),
}

impl Announcement {
    /// The upload that it is about, if it is about one.
    pub fn progress(&self) -> Option<&Progress> {
        match self {
            Self::NewMessage(_) => None,
            Self::UploadStarted(progress)
            | Self::UploadProgress(progress)
            | Self::UploadPaused(progress)
            | Self::UploadFinished(progress, _)
            | Self::UploadCancelled(progress) => Some(progress),
        }
    }
}

/// How far an upload is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The upload.
    pub upload_id: UploadId,
    /// The conversation it is for.
    pub conversation_id: ConversationId,
    /// Who sends it.
    pub sender: UserId,
    /// The file's name.
    pub file_name: String,
    /// The file's type.
    pub mime_type: String,
    /// What kind of file that is.
    pub kind: MessageKind,
    /// Bytes that have come.
    pub offset: u64,
    /// The length, once declared.
    pub length: Option<u64>,
}

impl Progress {
    /// At the end of what became this message.
    pub fn of_message(message: &Message) -> Self {
        Self {
            upload_id: message.upload_id.into(),
            conversation_id: message.conversation_id,
            sender: message.sender.clone(),
            file_name: message.file_name.clone(),
            mime_type: message.mime_type.clone(),
            kind: message.kind,
            offset: message.file_size,
            length: Some(message.file_size),
        }
    }

    /// Percent of the length, 0 to 100, rounded down; 0 while the length is not declared.
    pub fn percent(&self) -> u8 {
        let percent = match self.length {
            None => 0,
            Some(0) => 100,
            Some(length) => u128::from(self.offset) * 100 / u128::from(length),
        };
        u8::try_from(percent.min(100)).expect("at most a hundred")
    }
}
