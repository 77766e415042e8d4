//! An upload that comes in one piece: multipart, or a socket event. It has the same bytes, record, finalizer
//! and message as any other, but no record until all bytes are there, so that nothing remains if they do not
//! come.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;

use super::Uploads;
use super::error::UploadError;
use super::unrecorded::Unrecorded;
use crate::finalizer::{Ending, Finalizer};
use crate::message::{ConversationId, Message, UserId};
use crate::outlive::outlive;
use crate::reservations::Flight;
use crate::store::{Created, StoreError, Stores, Taking};
use crate::telling::{Teller, progress_of};
use crate::time::Timestamp;
use crate::upload::{Binding, Bounds, Length, Metadata, Upload, UploadId};

/// An upload in one piece under way. Dropped before it is finished, it leaves nothing.
pub struct OneShot {
    uploads: Arc<Uploads>,
    sender: UserId,
    max_size: u64,
    /// Dropped before the room, because bytes may be written until then.
    bytes: Unrecorded,
    room: Flight,
    announced: Option<Announced>,
}

/// The announcement of the upload. Dropped without a record, it tells the members that the upload came to
/// nothing.
struct Announced {
    teller: Teller,
    id: UploadId,
    is_recorded: bool,
}

impl Drop for Announced {
    fn drop(&mut self) {
        // The end of an upload with a record is announced elsewhere.
        if !self.is_recorded {
            self.teller.came_to_nothing(self.id);
        }
    }
}

impl std::fmt::Debug for OneShot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OneShot").field("id", &self.bytes.id()).finish_non_exhaustive()
    }
}

impl Uploads {
    /// Checks that uploads in one piece may begin. Those that have begun go on while the server drains,
    /// because no client can resume them; so this is asked when a request begins, and not again.
    ///
    /// # Errors
    /// [`UploadError::Draining`]
    pub fn take_new(&self) -> Result<(), UploadError> {
        if self.draining.is_cancelled() { Err(UploadError::Draining) } else { Ok(()) }
    }

    /// Begins an upload that comes in one piece, of at most `max_size` bytes.
    pub fn one_shot(self: &Arc<Self>, sender: UserId, max_size: u64) -> OneShot {
        let id = UploadId::new(Timestamp::now());
        let bytes = Unrecorded::new(Arc::clone(self), id, self.limits.digests.include(Length::Deferred));
        let room = self.allowance.flight();
        OneShot { uploads: Arc::clone(self), sender, max_size, bytes, room, announced: None }
    }
}

impl OneShot {
    /// Takes note that about so many bytes are to come, and not more: those of a form are hardly more than
    /// those of its file.
    pub fn expect(&mut self, bytes: u64) {
        self.bytes.expect(bytes);
    }

    /// Takes bytes. They are on their way to the disk; only a bounded number of them is held in memory.
    ///
    /// # Errors
    /// [`UploadError::TooLarge`], [`UploadError::NoRoom`], [`UploadError::Store`]; [`UploadError::BodyIdle`]
    /// if it takes longer than an upload in one piece may.
    pub async fn write(&mut self, data: Bytes) -> Result<(), UploadError> {
        let end = self.bytes.length() + data.len() as u64;
        if end > self.max_size {
            return Err(UploadError::TooLarge(self.max_size));
        }
        if self.bytes.is_too_slow() {
            return Err(UploadError::BodyIdle);
        }
        self.room.reach(end).await?;
        self.bytes.take(data).await?;
        if let Some(Announced { teller, id, .. }) = &self.announced {
            teller.reached(*id, end);
        }
        Ok(())
    }

    /// Tells the members of the conversation that the file is under way, as soon as it is known where it
    /// goes, with its length if that is known.
    pub fn announce(&mut self, metadata: &Metadata, conversation: ConversationId, length: Option<u64>) {
        if self.announced.is_some() {
            return;
        }
        let binding =
            Binding { conversation_id: conversation, content: None, reply_to: None, client_message_id: None };
        let length = length.map_or(Length::Deferred, Length::Known);
        let upload = self.upload(metadata.clone(), binding, length);
        let (teller, id) = (self.uploads.finalizer.teller().clone(), upload.id);
        if let Some(progress) = progress_of(&Upload { offset: self.bytes.length(), ..upload }) {
            teller.begun(progress);
            self.announced = Some(Announced { teller, id, is_recorded: false });
        }
    }

    fn upload(&self, metadata: Metadata, binding: Binding, length: Length) -> Upload {
        let (id, sender, digests) = (self.bytes.id(), self.sender.clone(), self.uploads.limits.digests);
        Upload::new(id, sender, length, metadata, Some(binding), digests, Timestamp::now())
    }

    /// Makes the message: checks the membership, then takes the steps of every upload, to the end even if the
    /// future is dropped. If the `client_message_id` has a message, the answer is that one, if the file is
    /// the same.
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
        let length = self.bytes.length();
        self.announce(&metadata, binding.conversation_id, Some(length));
        let upload = self.upload(metadata, binding, Length::Known(length));
        let (created, upload) = self.bytes.record(upload, Taking::Overtake, Bounds::NONE).await?;
        let Uploads { stores, finalizer, .. } = &*self.uploads;
        match created {
            Created::New(_) => {
                if let Some(announced) = &mut self.announced {
                    announced.is_recorded = true;
                }
                settle(stores, finalizer, upload.id, &upload).await
            }
            Created::Taken(holder) => {
                let message = settle(stores, finalizer, holder, &upload).await?;
                let is_same = finalizer.is_file_of(&upload, &message).await?;
                if !is_same {
                    return Err(UploadError::AnotherFile);
                }
                finalizer.tell_repeat(&upload, message.id).await?;
                Ok(message)
            }
            Created::Refused(refusal) => Err(refusal.into()),
        }
    }
}

/// Drives the upload that has the message: ours, or the one before it.
async fn settle(
    stores: &Stores,
    finalizer: &Arc<Finalizer>,
    holder: UploadId,
    upload: &Upload,
) -> Result<Message, UploadError> {
    match finalizer.drive(holder).await {
        Some(Ending::Message(message)) => Ok(*message),
        Some(Ending::Rejected(reason)) => Err(UploadError::Rejected(reason)),
        // The upload resource was ended; its message still exists.
        Some(Ending::NotOwed) => match stores.messages.of_client(upload).await? {
            Some(message) => Ok(message),
            None => Err(UploadError::Busy),
        },
        Some(Ending::NoRoom) => Err(UploadError::NoRoom),
        Some(Ending::Failed | Ending::Held) | None => Err(UploadError::Busy),
    }
}
