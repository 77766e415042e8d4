//! An upload that comes in one piece.
use bytes::Bytes;

use super::UploadError;
use crate::message::Message;
use crate::upload::{Binding, Metadata};

/// An upload that comes in one piece: nothing of it remains unless it is finished.
#[derive(Debug)]
pub struct OneShot {}

impl OneShot {
    /// Takes in bytes. They are on their way to the disk; only so many are held in memory.
    ///
    /// # Errors
    /// [`UploadError::TooLarge`], [`UploadError::NoRoom`], [`UploadError::Store`].
    pub async fn write(&mut self, data: Bytes) -> Result<(), UploadError> {
        todo!()
    }

    /// Makes the message: checks the membership, then goes the way of every upload, in a task of its own, so
    /// that dropping the future does not undo it. With a `client_message_id` whose message exists, it is that one.
    ///
    /// # Errors
    /// [`UploadError`]
    pub async fn finish(self, metadata: Metadata, binding: Binding) -> Result<Message, UploadError> {
        todo!()
    }
}
