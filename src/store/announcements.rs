//! The port of announcements to users who are connected now.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::error::StoreError;
use crate::message::{ConversationId, Message, MessageId, MessageKind, UserId};
use crate::upload::UploadId;

/// Announcements to connected users. Nothing depends on them: a user who was not told finds everything in
/// what is stored.
#[async_trait]
pub trait Announcements: Send + Sync + 'static {
    /// Hands the announcement to every connection of these users, once each. The answer says that it was
    /// handed over, not that it arrived.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if it could not be handed over; a repetition may tell some connections
    /// twice.
    async fn announce(&self, to: &[UserId], announcement: &Announcement) -> Result<(), StoreError>;

    /// Announces all of these, in their order. Where that is cheaper, they go together.
    ///
    /// # Errors
    /// The errors of [`Announcements::announce`], after which some of them may be announced.
    async fn announce_all(&self, all: &[Addressed]) -> Result<(), StoreError> {
        for Addressed { to, announcement } in all {
            self.announce(to, announcement).await?;
        }
        Ok(())
    }

    /// Announces something to the connections of this process alone.
    ///
    /// # Errors
    /// The errors of [`Announcements::announce`].
    async fn announce_here(&self, to: &[UserId], announcement: &Announcement) -> Result<(), StoreError> {
        self.announce(to, announcement).await
    }

    /// Hands over a message that a crash may have kept its members from hearing, and that its upload is
    /// finished: to every present connection of these users and, until [`Announcements::let_go`], to each new
    /// one before anything from it is looked at. Answers whether that is done. If not, after `let_go` or
    /// without room to keep the message, the message still has to be announced like any other.
    ///
    /// # Errors
    /// The errors of [`Announcements::announce`].
    async fn leave(&self, to: &[UserId], message: &Message) -> Result<bool, StoreError>;

    /// Ends the keeping of messages: later connections are not told of them.
    fn let_go(&self);

    /// Closes all connections of this process: more was missed than can be told. Clients connect again, and
    /// say which message they know.
    fn start_over(&self) {}
}

/// An announcement, and the users who get it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Addressed {
    /// The users who are to be told.
    pub to: Vec<UserId>,
    /// The announcement that they get.
    pub announcement: Announcement,
}

/// An event to be announced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Announcement {
    /// A message was made: event `new_message`.
    NewMessage(Box<Message>),
    /// An upload began: event `upload_started`.
    UploadStarted(Progress),
    /// An upload got bytes, announced at most once a second: event `upload_progress`.
    UploadProgress(Progress),
    /// An upload gets no more bytes: event `upload_paused`.
    UploadPaused(Progress),
    /// An upload became this message, which was announced before: event `upload_finished`.
    UploadFinished(Progress, MessageId),
    /// An upload will never become a message: event `upload_cancelled`.
    UploadCancelled(Progress),
}

impl Announcement {
    /// The progress of the upload that the announcement is about, if it is about one.
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

/// The progress of an upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The upload's id.
    pub upload_id: UploadId,
    /// The conversation that the upload is for.
    pub conversation_id: ConversationId,
    /// The upload's sender.
    pub sender: UserId,
    /// The file's name.
    pub file_name: String,
    /// The file's type.
    pub mime_type: String,
    /// The kind of the file.
    pub kind: MessageKind,
    /// How many bytes have come.
    pub offset: u64,
    /// The length, once declared.
    pub length: Option<u64>,
}

impl Progress {
    /// The progress at the end of the upload that became this message.
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
