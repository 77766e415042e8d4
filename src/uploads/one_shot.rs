//! An upload that comes in one piece: multipart, or a socket event. The same bytes, record, finalizer and
//! message as any other; only, there is no record until all bytes are there, so that nothing of it remains
//! when they do not come.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;

use super::Uploads;
use super::error::UploadError;
use super::reservations::Flight;
use super::unrecorded::Unrecorded;
use crate::finalizer::{Ending, Finalizer};
use crate::message::{Message, UserId};
use crate::outlive::outlive;
use crate::store::{Created, StoreError, Stores, Taking};
use crate::time::Timestamp;
use crate::upload::{Binding, Length, Metadata, Upload, UploadId};

/// An upload in one piece under way. Dropped before it is finished, it leaves nothing.
pub struct OneShot {
    uploads: Arc<Uploads>,
    sender: UserId,
    max_size: u64,
    /// Before the bytes, which are written until they are dropped.
    bytes: Unrecorded,
    room: Flight,
}

impl std::fmt::Debug for OneShot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OneShot").field("id", &self.bytes.id()).finish_non_exhaustive()
    }
}

impl Uploads {
    /// Whether uploads in one piece may begin. Those that have begun go on while the server drains, because nobody can
    /// resume them; so this is asked when a request begins, and not again.
    ///
    /// # Errors
    /// [`UploadError::Draining`]
    pub fn take_new(&self) -> Result<(), UploadError> {
        if self.draining.is_cancelled() { Err(UploadError::Draining) } else { Ok(()) }
    }

    /// Begins an upload that comes in one piece, of at most `max_size` bytes.
    pub fn one_shot(self: &Arc<Self>, sender: UserId, max_size: u64) -> OneShot {
        let id = UploadId::new(Timestamp::now());
        let bytes = Unrecorded::new(Arc::clone(self), id, self.limits.digests);
        OneShot { uploads: Arc::clone(self), sender, max_size, bytes, room: self.allowance.flight() }
    }
}

impl OneShot {
    /// Takes in bytes. They are on their way to the disk; only so many are held in memory.
    ///
    /// # Errors
    /// [`UploadError::TooLarge`], [`UploadError::NoRoom`], [`UploadError::Store`].
    pub async fn write(&mut self, data: Bytes) -> Result<(), UploadError> {
        let end = self.bytes.length() + data.len() as u64;
        if end > self.max_size {
            return Err(UploadError::TooLarge(self.max_size));
        }
        self.room.reach(end).await?;
        Ok(self.bytes.take(data).await?)
    }

    /// Makes the message: checks the membership, then goes the way of every upload, to its end
    /// even if the future is dropped. With a `client_message_id` whose message exists, it is that
    /// one, if the file is the same.
    ///
    /// # Errors
    /// [`UploadError`]
    pub async fn finish(self, metadata: Metadata, binding: Binding) -> Result<Message, UploadError> {
        metadata.file_name()?;
        self.uploads.may_send(&self.sender, binding.conversation_id).await?;
        let tasks = self.uploads.tasks.clone();
        outlive(&tasks, self.complete(metadata, binding).boxed())
            .await
            .unwrap_or_else(|panicked| Err(StoreError::Unavailable(panicked.to_string()).into()))
    }

    async fn complete(mut self, metadata: Metadata, binding: Binding) -> Result<Message, UploadError> {
        let length = Length::Known(self.bytes.length());
        let (id, sender, digests) = (self.bytes.id(), self.sender.clone(), self.uploads.limits.digests);
        let upload = Upload::new(id, sender, length, metadata, Some(binding), digests, Timestamp::now());
        let (created, upload) = self.bytes.record(upload, Taking::Overtake).await?;
        let Uploads { stores, finalizer, .. } = &*self.uploads;
        match created {
            Created::New => settle(stores, finalizer, upload.id, &upload).await,
            Created::Taken(holder) => {
                let message = settle(stores, finalizer, holder, &upload).await?;
                let is_same = finalizer.is_file_of(&upload, &message).await?;
                if is_same { Ok(message) } else { Err(UploadError::AnotherFile) }
            }
        }
    }
}

/// Drives the upload that has the message, ours or the one before it.
async fn settle(
    stores: &Stores,
    finalizer: &Arc<Finalizer>,
    holder: UploadId,
    upload: &Upload,
) -> Result<Message, UploadError> {
    match finalizer.drive(holder).await {
        Some(Ending::Message(message)) => Ok(*message),
        Some(Ending::Rejected(reason)) => Err(UploadError::Rejected(reason)),
        // The upload resource was ended; its message is still the one.
        Some(Ending::NotOwed) => match stores.messages.of_client(upload).await? {
            Some(message) => Ok(message),
            None => Err(UploadError::Busy),
        },
        Some(Ending::NoRoom) => Err(UploadError::NoRoom),
        Some(Ending::Failed) | None => Err(UploadError::Busy),
    }
}
