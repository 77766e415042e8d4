//! Creating uploads, once per `client_message_id`.

use super::Uploads;
use super::error::UploadError;
use super::standing::Standing;
use crate::crash;
use crate::message::{ConversationId, UserId};
use crate::metrics;
use crate::store::{Created, Taking};
use crate::time::Timestamp;
use crate::upload::{Binding, Concat, Length, Metadata, State, Upload, UploadId};

/// How often a creation is begun again because the holder of its `client_message_id` went away meanwhile.
pub(super) const ATTEMPTS: usize = 3;

/// The values of a creation.
#[derive(Debug, Clone)]
pub struct NewUpload {
    /// `Upload-Length`, or deferred.
    pub length: Length,
    /// `Upload-Metadata`.
    pub metadata: Metadata,
    /// The conversation that the path names.
    pub conversation: Option<ConversationId>,
    /// Whether the upload is to be a part of another: then no message is made of it, whatever its metadata
    /// says.
    pub is_partial: bool,
}

/// The outcome of a creation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Creation {
    /// The upload as it stands.
    pub standing: Standing,
    /// Whether the upload existed before.
    pub existed: bool,
}

impl Uploads {
    /// Creates an upload. If one of the caller's uploads has the `client_message_id`, the answer is that one.
    ///
    /// # Errors
    /// [`UploadError`]: binding, membership, size, room; [`UploadError::AnotherFile`];
    /// [`UploadError::Rejected`] if the upload was.
    pub async fn create(&self, owner: &UserId, new: NewUpload) -> Result<Creation, UploadError> {
        let binding = self.admit_new(owner, &new).await?;
        self.create_admitted(owner, &new, binding).await
    }

    /// Checks that a creation would be carried out, room aside.
    ///
    /// # Errors
    /// [`UploadError`]: binding, membership, size.
    pub async fn may_create(&self, owner: &UserId, new: &NewUpload) -> Result<(), UploadError> {
        self.admit_new(owner, new).await.map(drop)
    }

    /// Checks a creation, and answers the binding of the new upload.
    pub(super) async fn admit_new(
        &self,
        owner: &UserId,
        new: &NewUpload,
    ) -> Result<Option<Binding>, UploadError> {
        let binding = if new.is_partial { None } else { binding_of(&new.metadata, new.conversation)? };
        if let Some(conversation) = binding.as_ref().map(|b| b.conversation_id).or(new.conversation) {
            self.may_send(owner, conversation).await?;
        }
        self.fits(new.length)?;
        Ok(binding)
    }

    pub(super) async fn create_admitted(
        &self,
        owner: &UserId,
        new: &NewUpload,
        binding: Option<Binding>,
    ) -> Result<Creation, UploadError> {
        let mut taking = Taking::IfFree;
        for _ in 0..ATTEMPTS {
            let upload = self.new_upload(owner, new, binding.clone());
            match self.store(&upload, taking).await? {
                Created::New(_) => return self.created(upload).await,
                Created::Taken(holder) => match self.compatible(&upload, holder).await? {
                    // No client appends to a final upload.
                    Some(first) if matches!(first.concat, Concat::Final(_)) => taking = Taking::Beside,
                    Some(_) => return Ok(Creation { standing: self.settle(holder).await?, existed: true }),
                    None => taking = self.past(&upload, holder).await?,
                },
                Created::Refused(refusal) => return Err(refusal.into()),
            }
        }
        Err(UploadError::Busy)
    }

    /// The holder of a new upload's `client_message_id`, if it exists and may have the same file.
    ///
    /// # Errors
    /// [`UploadError::AnotherFile`], [`UploadError::Rejected`].
    pub(super) async fn compatible(
        &self,
        upload: &Upload,
        holder: UploadId,
    ) -> Result<Option<Upload>, UploadError> {
        let first = match self.find(&upload.owner, holder).await {
            Err(UploadError::Expired | UploadError::NotFound | UploadError::Over) => return Ok(None),
            found => found?,
        };
        match &first.state {
            State::Rejected(rejection) => Err(UploadError::Rejected(rejection.reason)),
            _ if !upload.known_file().may_be(first.known_file()) => Err(UploadError::AnotherFile),
            _ => Ok(Some(first)),
        }
    }

    /// Decides how a new upload is stored although a holder that is gone has its `client_message_id`. A
    /// message keeps its id for ever: the upload is stored beside it, and compared with it once it is
    /// complete.
    ///
    /// # Errors
    /// [`UploadError::AnotherFile`].
    pub(super) async fn past(&self, upload: &Upload, holder: UploadId) -> Result<Taking, UploadError> {
        match self.stores.messages.of_client(upload).await? {
            Some(message) if upload.known_file().may_be((&message).into()) => Ok(Taking::Beside),
            Some(_) => Err(UploadError::AnotherFile),
            None => self.release(holder).await.map(|()| Taking::IfFree),
        }
    }

    pub(super) fn new_upload(&self, owner: &UserId, new: &NewUpload, binding: Option<Binding>) -> Upload {
        let (now, metadata) = (Timestamp::now(), new.metadata.clone());
        let (id, digests) = (UploadId::new(now), self.limits.digests);
        let upload = Upload::new(id, owner.clone(), new.length, metadata, binding, digests, now);
        let concat = if new.is_partial { Concat::Partial } else { upload.concat };
        Upload { concat, ..upload }
    }

    pub(super) fn fits(&self, length: Length) -> Result<(), UploadError> {
        let is_too_large = length.known().is_some_and(|bytes| bytes > self.limits.max_upload_size);
        if is_too_large { Err(UploadError::TooLarge(self.limits.max_upload_size)) } else { Ok(()) }
    }

    /// Stores a new upload, if its owner may have one more and there is room for all of it. A request that
    /// asks again for an existing upload needs neither.
    pub(super) async fn store(&self, upload: &Upload, taking: Taking) -> Result<Created, UploadError> {
        let bounds = self.allowance.reserve(upload).await?;
        let created = self.stores.records.create_with(upload, taking, bounds, None).await;
        if !matches!(created, Ok(Created::New(_))) {
            self.allowance.forget(upload.id);
        }
        Ok(created?)
    }

    async fn created(&self, upload: Upload) -> Result<Creation, UploadError> {
        crash::point("create.recorded");
        self.count(&upload);
        // An upload of no bytes is complete at once.
        let standing = if upload.state == State::Complete {
            self.finalizer.nudge(upload.id);
            self.settle(upload.id).await?
        } else {
            self.standing(upload).await?
        };
        Ok(Creation { standing, existed: false })
    }

    /// Counts an upload that was stored, and announces it.
    pub(super) fn count(&self, upload: &Upload) {
        metrics::get().uploads_created.inc();
        tracing::debug!(upload = %upload.id, length = ?upload.length, "upload created");
        self.finalizer.teller().started(upload);
    }
}

/// The binding that a creation asks for, once all its metadata was found to be readable.
pub(super) fn binding_of(
    metadata: &Metadata,
    conversation: Option<ConversationId>,
) -> Result<Option<Binding>, UploadError> {
    metadata.file_name()?;
    metadata.file_type()?;
    metadata.sha256()?;
    Ok(Binding::of_creation(metadata, conversation)?)
}
