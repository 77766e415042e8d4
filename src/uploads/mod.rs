//! Use cases of uploads.
mod error;
mod one_shot;

pub use error::UploadError;
pub use one_shot::OneShot;

use crate::message::{ConversationId, UserId};

/// Uploads.
#[derive(Debug)]
pub struct Uploads {}

impl Uploads {
    /// Whether the user may send to the conversation.
    ///
    /// # Errors
    /// [`UploadError::ConversationNotFound`], [`UploadError::NotAParticipant`].
    pub async fn may_send(&self, user: &UserId, conversation: ConversationId) -> Result<(), UploadError> {
        todo!()
    }

    /// Begins an upload that comes in one piece, at most `max_size` bytes.
    pub fn one_shot(&self, sender: UserId, max_size: u64) -> OneShot {
        todo!()
    }
}
