//! An upload that comes in one piece: multipart, or a socket event. The same bytes, record, finalizer and
//! message as any other; only, there is no record until all bytes are there, so that nothing of it remains
//! when they do not come.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;

use super::Uploads;
use super::error::UploadError;
use super::intake::Intake;
use crate::crash;
use crate::finalizer::{Ending, Finalizer};
use crate::message::{Message, UserId};
use crate::metrics;
use crate::outlive::outlive;
use crate::store::{Created, StoreError, Stores};
use crate::time::Timestamp;
use crate::upload::{Binding, DigestState, Length, Metadata, RunningDigest, State, Upload, UploadId};

/// Room is looked at again after so many bytes.
const ROOM_EVERY: u64 = 16 * 1024 * 1024;

/// An upload in one piece under way. Dropped before it is finished, it leaves nothing.
pub struct OneShot {
    uploads: Arc<Uploads>,
    id: UploadId,
    sender: UserId,
    max_size: u64,
    intake: Option<Intake>,
    room_seen_at: u64,
    /// From the record on, the record is the truth about the bytes.
    is_recorded: bool,
}

impl std::fmt::Debug for OneShot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OneShot").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Uploads {
    /// Begins an upload that comes in one piece, of at most `max_size` bytes.
    pub fn one_shot(self: &Arc<Self>, sender: UserId, max_size: u64) -> OneShot {
        let id = UploadId::new(Timestamp::now());
        let uploads = Arc::clone(self);
        OneShot { uploads, id, sender, max_size, intake: None, room_seen_at: 0, is_recorded: false }
    }
}

impl OneShot {
    /// Takes in bytes. They are on their way to the disk; only so many are held in memory.
    ///
    /// # Errors
    /// [`UploadError::TooLarge`], [`UploadError::NoRoom`], [`UploadError::Store`].
    pub async fn write(&mut self, data: Bytes) -> Result<(), UploadError> {
        if self.uploads.draining.is_cancelled() {
            return Err(UploadError::Busy);
        }
        let end = self.intake.as_ref().map_or(0, Intake::end) + data.len() as u64;
        if end > self.max_size {
            return Err(UploadError::TooLarge);
        }
        if self.intake.is_none() || end - self.room_seen_at >= ROOM_EVERY {
            self.uploads.allowance.has_room_beside_others_for(data.len() as u64).await?;
            self.room_seen_at = end;
        }
        Ok(self.intake().await?.take(data).await?)
    }

    /// Makes the message: checks the membership, then goes the way of every upload, to its end
    /// even if the future is dropped. With a `client_message_id` whose message exists, it is that
    /// one.
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
        let most = self.uploads.carried;
        let intake = self.intake().await?;
        let length = intake.end();
        let (digest, carried) = intake.secure(0, most).await?;
        let upload = self.record(length, digest, metadata, binding);
        let uploads = Arc::clone(&self.uploads);
        let Uploads { stores, finalizer, .. } = &*uploads;
        let created = stores.records.create_carrying(&upload, true, carried);
        let (created, ()) = tokio::join!(biased; created, finalizer.claim_ahead(&upload));
        let holder = match created? {
            Created::New => {
                self.is_recorded = true;
                metrics::get().bytes_received.inc_by(length);
                crash::point("append.recorded");
                upload.id
            }
            Created::Taken(holder) => holder,
        };
        settle(stores, finalizer, holder, &upload).await
    }

    fn record(
        &self,
        length: u64,
        digest: Option<DigestState>,
        metadata: Metadata,
        binding: Binding,
    ) -> Upload {
        let now = Timestamp::now();
        let sender = self.sender.clone();
        let known = Length::Known(length);
        let upload = Upload::new(self.id, sender, known, metadata, Some(binding), digest.is_some(), now);
        Upload { offset: length, digest, state: State::Complete, ..upload }
    }

    async fn intake(&mut self) -> Result<&mut Intake, StoreError> {
        if self.intake.is_none() {
            let sink = self.uploads.stores.payloads.open(self.id, 0).await?;
            let digest = self.uploads.limits.digests.then(RunningDigest::default);
            self.intake = Some(Intake::new(sink, 0, digest));
        }
        Ok(self.intake.as_mut().expect("just opened"))
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
        Some(Ending::Failed) | None => Err(UploadError::Busy),
    }
}

impl Drop for OneShot {
    /// Frees the bytes of an upload that came to nothing, once no write of them is under way.
    fn drop(&mut self) {
        if self.is_recorded {
            return;
        }
        let (payloads, id) = (self.uploads.stores.payloads.clone(), self.id);
        let intake = self.intake.take();
        self.uploads.tasks.spawn(async move {
            if let Some(mut intake) = intake {
                // A write that failed leaves nothing to wait for.
                let _ = intake.sync().await;
            }
            if let Err(error) = payloads.discard(id).await {
                tracing::warn!(upload = %id, %error, "bytes of an unfinished one-shot stay until the next start");
            }
        });
    }
}
