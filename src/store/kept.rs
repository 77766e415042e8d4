//! What one store keeps and another takes over, beyond what the ports ask for.

use crate::message::{ClientMessageId, ConversationId, Message, MessageId, Stamp, UserId};
use crate::store::Position;
use crate::upload::{Upload, UploadId};

/// An upload's record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptUpload {
    /// The record.
    pub upload: Upload,
    /// Whether another upload was made of it: then it is in no sum.
    pub is_used: bool,
}

/// A committed message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptMessage {
    /// The message.
    pub message: Message,
    /// Its position in its conversation.
    pub position: Position,
    /// Whether it is still to be announced.
    pub is_unpublished: bool,
}

/// A conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptConversation {
    /// The conversation.
    pub id: ConversationId,
    /// Its participants.
    pub participants: Vec<UserId>,
}

/// What the next stamp and the next position of a conversation follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptClock {
    /// The conversation, which need not exist.
    pub conversation: ConversationId,
    /// The latest stamp.
    pub latest: Stamp,
    /// The last position, if a message was committed.
    pub position: Option<Position>,
}

/// The holder of a `client_message_id`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptClientId {
    /// The conversation.
    pub conversation: ConversationId,
    /// The sender whose id it is.
    pub sender: UserId,
    /// The id.
    pub id: ClientMessageId,
    /// The upload that holds it.
    pub upload: UploadId,
    /// The message, from the claim on.
    pub message: Option<MessageId>,
}
