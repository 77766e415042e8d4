//! Bytes that are sent again to an upload that has them. A client that creates an upload whose
//! `client_message_id` is held by another of its uploads is given that one, begins at its beginning, and may
//! have another file. So its bytes are compared with the stored ones, and are stored nowhere.
//!
//! | the upload | compared | answered if they agree |
//! | --- | --- | --- |
//! | receiving | the first bytes | the offset at which the client may go on |
//! | complete, or a message | every byte | how far they agree; at the end of the upload its message |
//!
//! A client is told only of an offset up to which its own bytes were seen, so that one that sends another
//! file in several requests is not told of a message in between.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use tokio::time::timeout;

use super::error::UploadError;
use super::standing::Standing;
use super::{Body, BodyFrame, Creation, Uploads};
use crate::finalizer::Comparison;
use crate::message::UserId;
use crate::store::StoreError;
use crate::upload::{AppendRefusal, AppendRequest, State, Upload, UploadId};

/// The bytes that are compared while an upload is receiving: they tell most files apart, and cost a client
/// that continues its own file little.
const SAMPLE: u64 = 64 * 1024;

impl Uploads {
    /// Handles a request that would append before the end of the upload, once it was found that its sender
    /// may append.
    ///
    /// # Errors
    /// [`AppendRefusal::OffsetMismatch`], [`UploadError::AnotherFile`].
    pub(super) async fn append_again(
        self: &Arc<Self>,
        owner: &UserId,
        id: UploadId,
        request: AppendRequest,
        body: Body,
    ) -> Result<Standing, UploadError> {
        let upload = self.find(owner, id).await?;
        let refusal = |upload: &Upload| AppendRefusal::OffsetMismatch { current: upload.offset }.into();
        if upload.client_message_id().is_none() {
            return Err(refusal(&upload));
        }
        let standing = self.settle_found(upload).await?;
        let upload = &standing.upload;
        if request.offset >= upload.offset {
            return Err(refusal(upload));
        }
        if is_of_another_length(upload, request) {
            return Err(UploadError::AnotherFile);
        }
        let end = self.compare(&standing, request.offset, body).await?;
        if upload.state == State::Receiving || end == request.offset {
            return Err(refusal(upload));
        }
        Ok(standing.up_to(end))
    }

    /// Handles the body of a creation whose upload existed before, and has bytes.
    ///
    /// # Errors
    /// [`UploadError::AnotherFile`].
    pub(super) async fn create_again(
        &self,
        Creation { standing, existed }: Creation,
        body: Body,
    ) -> Result<Creation, UploadError> {
        let end = self.compare(&standing, 0, body).await?;
        let is_whole = standing.upload.state != State::Receiving;
        let standing = if is_whole && end > 0 { standing.up_to(end) } else { standing };
        Ok(Creation { standing, existed })
    }

    /// Compares a body with the stored bytes from an offset on, and answers up to where they agree.
    async fn compare(&self, standing: &Standing, offset: u64, body: Body) -> Result<u64, UploadError> {
        let upload = &standing.upload;
        let is_whole = upload.state != State::Receiving;
        let end = if is_whole { upload.offset } else { upload.offset.min(offset + SAMPLE) };
        let Some(mut stored) = self.stored(standing, offset, end).await? else { return Ok(offset) };
        let Body { mut frames, verification } = body;
        let (mut check, mut trailer, mut at) = (verification.begin(), None, offset);
        while is_whole || at < end {
            let next = timeout(self.limits.body_idle, frames.next());
            let frame = tokio::select! {
                () = self.draining.cancelled() => return Err(UploadError::Busy),
                frame = next => frame.map_err(|_| UploadError::BodyIdle)?,
            };
            match frame {
                None => break,
                Some(Err(_)) => return Err(UploadError::BodyBroken),
                Some(Ok(BodyFrame::Checksum(checksum))) => trailer = Some(checksum),
                Some(Ok(BodyFrame::Data(mut data))) => {
                    check.update(&data);
                    if !is_whole {
                        data.truncate(usize::try_from(end - at).unwrap_or(usize::MAX));
                    }
                    if !stored.agrees(&data).await? {
                        return Err(UploadError::AnotherFile);
                    }
                    at += u64::try_from(data.len()).expect("a length fits");
                }
            }
        }
        if is_whole {
            check.close(trailer)?;
        }
        Ok(at)
    }

    /// The stored bytes in this range; `None` if they cannot be read before all bytes are there, and so
    /// cannot be compared.
    async fn stored(
        &self,
        standing: &Standing,
        offset: u64,
        end: u64,
    ) -> Result<Option<Comparison>, UploadError> {
        if offset == end {
            // An upload of no bytes may have no file.
            return Ok(Some(Comparison::with(futures_util::stream::empty::<Result<Bytes, _>>().boxed())));
        }
        match self.read(standing, offset..end).await {
            Err(UploadError::Store(StoreError::Unsealed)) => Ok(None),
            // The upload may have become a message meanwhile, and has to be looked at anew.
            Err(UploadError::Store(_)) if standing.upload.state == State::Receiving => Err(UploadError::Busy),
            stored => Ok(Some(Comparison::with(stored?))),
        }
    }
}

impl Standing {
    /// The standing for a client that has sent the bytes up to `end` again.
    fn up_to(self, end: u64) -> Self {
        if end == self.upload.offset {
            return self;
        }
        let upload = Upload { offset: end, state: State::Receiving, ..self.upload };
        Self { upload, message: None, published: false, expires_at: self.expires_at }
    }
}

/// Whether a request says that its file has another length than the upload.
fn is_of_another_length(upload: &Upload, request: AppendRequest) -> bool {
    let Some(length) = upload.length.known() else {
        return request.upload_length.is_some_and(|declared| declared < upload.offset);
    };
    let end = request.content_length.map_or(request.offset, |bytes| request.offset.saturating_add(bytes));
    request.upload_length.is_some_and(|declared| declared != length) || end > length
}
