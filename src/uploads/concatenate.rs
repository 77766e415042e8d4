//! Creating final uploads: uploads that the server makes of parts (tus 1.0.0, Concatenation).

use std::time::Duration;

use super::create::{ATTEMPTS, binding_of};
use super::error::UploadError;
use super::standing::Standing;
use super::{Creation, Uploads};
use crate::crash;
use crate::message::{ConversationId, UserId};
use crate::metrics;
use crate::store::{Created, StoreError};
use crate::time::Timestamp;
use crate::upload::{
    Concat, ConcatError, Length, MAX_DESCRIPTION_BYTES, Metadata, Parts, State, Upload, UploadId,
};

/// As long as a creation waits for the parts to be joined: enough for small ones to have their message on the
/// answer, and too short to be felt with large ones.
const JOIN_WAIT: Duration = Duration::from_millis(30);

/// What the creation of a final upload asks for.
#[derive(Debug, Clone)]
pub struct NewFinal {
    /// What it is made of.
    pub parts: Parts,
    /// `Upload-Metadata`.
    pub metadata: Metadata,
    /// The conversation that the path names.
    pub conversation: Option<ConversationId>,
}

impl Uploads {
    /// Creates a final upload, of parts that may still be unfinished, and answers soon, whether they are joined
    /// by then or not. Asked for once more it is the same upload, also when the parts are gone by then.
    ///
    /// # Errors
    /// [`UploadError`]: binding, membership, size, room; [`UploadError::NotPartial`];
    /// [`UploadError::Rejected`] if that is what became of it.
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
        for _ in 0..ATTEMPTS {
            match self.begin(&upload).await? {
                Begun::New => return self.answer(id, false).await,
                Begun::Existing(holder) => match self.find(owner, holder).await {
                    Err(UploadError::Expired | UploadError::NotFound) if holder != id => {
                        self.release(holder).await?;
                    }
                    Err(error) => return Err(error),
                    Ok(_) => return self.answer(holder, true).await,
                },
            }
        }
        Err(UploadError::Busy)
    }

    /// Stores the upload unless it is there, or its `client_message_id` taken.
    async fn begin(&self, upload: &Upload) -> Result<Begun, UploadError> {
        if self.stores.records.find(upload.id).await?.is_some() {
            return Ok(Begun::Existing(upload.id));
        }
        let length = match self.length_of_parts(upload).await {
            // A message may stand that was made of parts which are gone by now.
            Err(UploadError::NotPartial) => match self.stores.messages.of_client(upload).await? {
                Some(message) => return Ok(Begun::Existing(message.upload_id.into())),
                None => return Err(UploadError::NotPartial),
            },
            length => length?,
        };
        self.fits(length)?;
        let state = if length.is_reached_at(0) { upload.state.last_byte() } else { Ok(upload.state.clone()) };
        let state = state.map_err(|_| StoreError::Conflict("a new upload is receiving"))?;
        let upload = Upload { length, state, ..upload.clone() };
        match self.store(&upload).await {
            Ok(Created::New) => {
                crash::point("create.recorded");
                metrics::get().uploads_created.inc();
                self.finalizer.teller().started(&upload);
                Ok(Begun::New)
            }
            Ok(Created::Taken(holder)) => Ok(Begun::Existing(holder)),
            // Somebody asked for the same at the same time.
            Err(UploadError::Store(StoreError::Conflict(_))) => Ok(Begun::Existing(upload.id)),
            Err(error) => Err(error),
        }
    }

    /// How long the parts are together; deferred while one of them does not say.
    ///
    /// # Errors
    /// [`UploadError::NotPartial`] unless every one is a partial upload of the owner's.
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

    /// How it stands after a short while, which may be before the parts are joined.
    async fn answer(&self, id: UploadId, existed: bool) -> Result<Creation, UploadError> {
        let standing = match tokio::time::timeout(JOIN_WAIT, self.settle(id)).await {
            Ok(standing) => standing?,
            Err(_) => self.standing_now(id).await?,
        };
        Ok(Creation { standing, existed })
    }

    async fn standing_now(&self, id: UploadId) -> Result<Standing, UploadError> {
        let upload = self.stores.records.find(id).await?.ok_or(UploadError::NotFound)?;
        match &upload.state {
            State::Rejected(rejection) => Err(UploadError::Rejected(rejection.reason)),
            _ => self.standing(upload).await,
        }
    }
}

/// Whether a final upload is new.
enum Begun {
    New,
    Existing(UploadId),
}
