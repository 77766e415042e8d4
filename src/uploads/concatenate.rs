//! Creating final uploads: uploads that the server makes of parts (tus 1.0.0, Concatenation).

use super::create::{ATTEMPTS, binding_of};
use super::error::UploadError;
use super::{Creation, Uploads};
use crate::crash;
use crate::message::{ConversationId, UserId};
use crate::metrics;
use crate::store::{Created, StoreError, Taking};
use crate::time::Timestamp;
use crate::upload::{
    Concat, ConcatError, Conflict, Length, MAX_DESCRIPTION_BYTES, Metadata, Parts, State, Upload, UploadId,
};

/// The values of the creation of a final upload.
#[derive(Debug, Clone)]
pub struct NewFinal {
    /// The parts that the upload is made of.
    pub parts: Parts,
    /// `Upload-Metadata`.
    pub metadata: Metadata,
    /// The conversation that the path names.
    pub conversation: Option<ConversationId>,
}

impl Uploads {
    /// Creates a final upload. While parts are unfinished it answers at once. If all of them are complete, it
    /// answers once they are joined and the message is committed, because clients take the answer for that.
    /// Asking again leads to the same upload, even if the parts are gone by then.
    ///
    /// # Errors
    /// [`UploadError`]: binding, membership, size, room; [`UploadError::NotPartial`];
    /// [`UploadError::Rejected`] if the upload was; [`UploadError::Busy`] if that takes too long.
    pub async fn concatenate(&self, owner: &UserId, new: NewFinal) -> Result<Creation, UploadError> {
        let binding = binding_of(&new.metadata, new.conversation)?;
        let NewFinal { parts, metadata, conversation } = new;
        let id = parts.final_id(owner, &metadata, conversation);
        let mut upload = Upload::new(
            id,
            owner.clone(),
            Length::Deferred,
            metadata,
            binding,
            self.limits.digests,
            Timestamp::now(),
        );
        upload.concat = Concat::Final(parts);
        if upload.metadata.raw().len() + upload.concat.raw().len() > MAX_DESCRIPTION_BYTES {
            return Err(ConcatError::TooLong.into());
        }
        self.may_go_on(&upload).await?;
        match self.begin(&upload).await? {
            Begun::New => self.answer(id, false).await,
            Begun::Existing => match self.find(owner, id).await {
                // The same parts were asked for: the upload's message is the answer, however old it is.
                Ok(_) | Err(UploadError::Over) => self.answer(id, true).await,
                Err(error) => Err(error),
            },
        }
    }

    /// Stores the upload, unless it exists.
    async fn begin(&self, upload: &Upload) -> Result<Begun, UploadError> {
        if self.stores.records.find(upload.id).await?.is_some() {
            return Ok(Begun::Existing);
        }
        let length = self.length_of_parts(upload).await?;
        self.fits(length)?;
        let state = if length.is_reached_at(0) { upload.state.last_byte() } else { Ok(upload.state.clone()) };
        let state = state.map_err(|why| StoreError::from(Conflict::from(why)))?;
        let upload = Upload { length, state, ..upload.clone() };
        match self.store_final(&upload).await {
            Ok(Created::New(_)) => {
                crash::point("create.recorded");
                metrics::get().uploads_created.inc();
                self.finalizer.teller().started(&upload);
                Ok(Begun::New)
            }
            // Another request asked for the same at the same time.
            Ok(Created::Taken(_)) | Err(UploadError::Store(StoreError::Conflict(_))) => Ok(Begun::Existing),
            Ok(Created::Refused(refusal)) => Err(refusal.into()),
            Err(error) => Err(error),
        }
    }

    /// Stores the upload, beside the holder of its `client_message_id` if there is one: once the parts are
    /// joined, the two files are compared.
    async fn store_final(&self, upload: &Upload) -> Result<Created, UploadError> {
        match self.store(upload, Taking::IfFree).await? {
            Created::Taken(holder) => {
                if self.compatible(upload, holder).await?.is_none() {
                    self.past(upload, holder).await?;
                }
                self.store(upload, Taking::Beside).await
            }
            created => Ok(created),
        }
    }

    /// The length of all parts together; deferred while one of them declares none.
    ///
    /// # Errors
    /// [`UploadError::NotPartial`] unless every part is a partial upload of the owner's.
    pub(super) async fn length_of_parts(&self, upload: &Upload) -> Result<Length, UploadError> {
        let Concat::Final(parts) = &upload.concat else { return Ok(upload.length) };
        let mut total = Some(0u64);
        for id in parts.ids() {
            let part = self.find(&upload.owner, *id).await.map_err(|error| match error {
                UploadError::NotFound | UploadError::Expired => UploadError::NotPartial,
                error => error,
            })?;
            if part.concat != Concat::Partial || !part.state.needs_bytes() {
                return Err(UploadError::NotPartial);
            }
            total = total.zip(part.length.known()).map(|(sum, length)| sum.saturating_add(length));
        }
        Ok(total.map_or(Length::Deferred, Length::Known))
    }

    /// The upload's standing, once that can be told.
    async fn answer(&self, id: UploadId, existed: bool) -> Result<Creation, UploadError> {
        for _ in 0..ATTEMPTS {
            // Joining may take longer than the process has left; the next one continues it.
            let settled = self.draining.run_until_cancelled(self.settle(id)).await;
            let standing = settled.unwrap_or(Err(UploadError::Busy))?;
            // The drive may have looked at the upload before the last part was complete.
            if standing.upload.awaited_parts().is_none() || self.lacks_bytes(&standing.upload).await? {
                return Ok(Creation { standing, existed });
            }
        }
        Err(UploadError::Busy)
    }

    /// Whether a part of the final upload does not have all of its bytes.
    async fn lacks_bytes(&self, upload: &Upload) -> Result<bool, UploadError> {
        let Concat::Final(parts) = &upload.concat else { return Ok(false) };
        for id in parts.ids() {
            let part = self.stores.records.find(*id).await?;
            if part.is_some_and(|part| part.state == State::Receiving) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Whether a final upload is new.
enum Begun {
    New,
    Existing,
}
