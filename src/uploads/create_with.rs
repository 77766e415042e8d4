//! Creating uploads with their first bytes (tus 1.0.0, Creation With Upload). An upload whose bytes are few,
//! and all there, is stored with them and with the claim of its message in one step. Any other is created
//! first, and then appended to.
//!
//! ```text
//! bytes ─► file ─► record, row and claim ─► message
//! ```
//! A kill before the record leaves a file that no record knows. It is freed after the next start; the client
//! was told nothing of it.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;

use super::error::UploadError;
use super::standing::Standing;
use super::unrecorded::Unrecorded;
use super::{Body, Creation, NewUpload, Uploads};
use crate::message::UserId;
use crate::outlive::outlive;
use crate::store::{StoreError, Taking};
use crate::upload::{AppendRefusal, AppendRequest, Binding, Length, State, Upload};

/// The longest upload that may be stored with all of its bytes.
const SMALL: usize = 64 * 1024;

impl Uploads {
    /// Creates an upload and appends the request's body to it. If the body does not match its checksum, the
    /// upload is ended again.
    ///
    /// # Errors
    /// The errors of [`Uploads::create`] and [`Uploads::append`].
    pub async fn create_with(
        self: &Arc<Self>,
        owner: &UserId,
        new: NewUpload,
        content_length: Option<u64>,
        mut body: Body,
    ) -> Result<Creation, UploadError> {
        if let (Length::Known(length), Some(bytes)) = (new.length, content_length)
            && bytes > length
        {
            return Err(AppendRefusal::TooLong.into());
        }
        if new.length == Length::Known(0) {
            // The upload will be complete at once.
            body.expect_nothing(self.limits.body_idle).await?;
            return self.create(owner, new).await;
        }
        let binding = self.admit_new(owner, &new).await?;
        if let Some(standing) = self.create_whole(owner, &new, binding.as_ref(), &mut body).await? {
            return Ok(Creation { standing, existed: false });
        }
        let creation = self.create_admitted(owner, &new, binding).await?;
        self.bring_first(owner, creation, content_length, body).await
    }

    /// Handles the bytes that come with a creation, of an upload that may have been there before.
    ///
    /// # Errors
    /// [`UploadError`]
    pub(super) async fn bring_first(
        self: &Arc<Self>,
        owner: &UserId,
        creation: Creation,
        content_length: Option<u64>,
        body: Body,
    ) -> Result<Creation, UploadError> {
        let Creation { standing: Standing { upload, .. }, existed } = &creation;
        let (id, existed) = (upload.id, *existed);
        if upload.offset > 0 || upload.state != State::Receiving {
            return Box::pin(self.create_again(creation, body)).await;
        }
        let request = AppendRequest { offset: 0, content_length, upload_length: None };
        let standing = match self.append(owner, id, request, body).await {
            // Another request has brought bytes since. As far as they can be, they were compared with these.
            // Of a whole upload that is not enough: its client has to come again.
            Err(UploadError::Append(AppendRefusal::OffsetMismatch { .. })) => {
                let standing = self.settle(id).await?;
                if standing.upload.state != State::Receiving {
                    return Err(UploadError::Busy);
                }
                standing
            }
            Err(error @ UploadError::Checksum(_)) if !existed => {
                self.abandon(id).await;
                return Err(error);
            }
            outcome => outcome?,
        };
        Ok(Creation { standing, existed })
    }

    /// Stores an upload with all of its bytes and its claim in one step, if they are few and there at once,
    /// and nothing is in the way. Otherwise `None`, and the body is as it was.
    async fn create_whole(
        self: &Arc<Self>,
        owner: &UserId,
        new: &NewUpload,
        binding: Option<&Binding>,
        body: &mut Body,
    ) -> Result<Option<Standing>, UploadError> {
        let length = new.length.known().and_then(|length| usize::try_from(length).ok());
        let Some(length) = length.filter(|length| *length <= SMALL) else { return Ok(None) };
        let Some(data) = body.at_once(length).await else { return Ok(None) };
        let upload = self.new_upload(owner, new, binding.cloned());
        let (uploads, pieces) = (Arc::clone(self), data.clone());
        let work = async move { uploads.store_whole(upload, pieces).await };
        let stored = outlive(&self.tasks, work.boxed())
            .await
            .unwrap_or_else(|panicked| Err(StoreError::Unavailable(panicked.to_string()).into()))?;
        if stored.is_none() {
            body.put_back(data, None);
        }
        Ok(stored)
    }

    async fn store_whole(
        self: &Arc<Self>,
        upload: Upload,
        data: Vec<Bytes>,
    ) -> Result<Option<Standing>, UploadError> {
        let bounds = self.allowance.reserve(&upload).await?;
        // A creation that would be refused writes nothing.
        if bounds.admit(self.stores.records.held(&upload.owner).await?, &upload).is_err() {
            return Ok(None);
        }
        let mut room = self.allowance.flight();
        let bytes = upload.length.known().unwrap_or(0);
        if room.reach(bytes).await.is_err() {
            return Ok(None);
        }
        let mut bytes = Unrecorded::new(Arc::clone(self), upload.id, upload.digest.is_some());
        for piece in data {
            bytes.take(piece).await?;
        }
        let new = upload.clone();
        let (created, upload) = bytes.record(upload, Taking::IfFree, bounds).await?;
        if !created.is_new() {
            return Ok(None);
        }
        self.count(&new);
        if !upload.is_owed() {
            self.finalizer.received(&upload).await;
        }
        self.settle_found(upload).await.map(Some)
    }
}
