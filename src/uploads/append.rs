//! Appending bytes: the path of every PATCH.

use std::sync::Arc;
use std::time::Instant;

use futures_util::FutureExt;

use super::error::UploadError;
use super::intake::Intake;
use super::reception::{Reception, Surroundings};
use super::standing::Standing;
use super::{Body, Uploads};
use crate::message::UserId;
use crate::metrics;
use crate::outlive::outlive;
use crate::store::{Coming, Lease, StoreError, Wanted};
use crate::upload::{
    Admission, AppendRefusal, AppendRequest, Concat, RunningDigest, State, Upload, UploadId, Verification,
};

impl Uploads {
    /// Appends a body, taking over from any older request. Answers the upload's standing afterwards, with its
    /// message if the last byte was in the body. An empty body at the end of a complete upload asks only for
    /// that.
    ///
    /// # Errors
    /// [`UploadError`]. Bytes that came before an error are kept, unless the request was refused before a
    /// byte was read, or has a checksum: then a request that is cut off, or does not match, leaves nothing.
    pub async fn append(
        self: &Arc<Self>,
        owner: &UserId,
        id: UploadId,
        request: AppendRequest,
        body: Body,
    ) -> Result<Standing, UploadError> {
        let (lease, upload, admission) = match self.take_admitted(owner, id, request).await {
            Err(UploadError::Append(AppendRefusal::OffsetMismatch { current }))
                if request.offset < current =>
            {
                return Box::pin(self.append_again(owner, id, request, body)).await;
            }
            taken => taken?,
        };
        if upload.state == State::Receiving {
            self.receive(lease, upload, admission, request.content_length, body).await
        } else {
            // No more bytes are taken, so other requests need not wait.
            drop(lease);
            body.expect_nothing(self.limits.body_idle).await?;
            self.settle(id).await
        }
    }

    /// The caller's upload, its lease, and where the request appends to it.
    async fn take_admitted(
        &self,
        owner: &UserId,
        id: UploadId,
        request: AppendRequest,
    ) -> Result<(Lease, Upload, Admission), UploadError> {
        let (lease, upload) = self.take(owner, id, request).await?;
        let admission = self.admit(&upload, request).await?;
        Ok((lease, upload, admission))
    }

    /// Decides whether the request may append to the upload as it is.
    async fn admit(&self, upload: &Upload, request: AppendRequest) -> Result<Admission, UploadError> {
        if matches!(upload.concat, Concat::Final(_)) {
            return Err(UploadError::FinalUpload);
        }
        self.may_go_on(upload).await?;
        upload.admit(request, self.limits.max_upload_size).map_err(|refusal| match refusal {
            AppendRefusal::LengthConflict if upload.client_message_id().is_some() => UploadError::AnotherFile,
            refusal => refusal.into(),
        })
    }

    /// The caller's upload and its lease. Only a request that would be admitted displaces a holder: an offset
    /// other than the recorded one was never told, or is outdated.
    async fn take(
        &self,
        owner: &UserId,
        id: UploadId,
        request: AppendRequest,
    ) -> Result<(Lease, Upload), UploadError> {
        if let Some(mut lease) = self.stores.leases.take_idle(id).await? {
            let upload = self.find_held(owner, id, &mut lease).await?;
            return if self.is_due(&upload) { Err(UploadError::Expired) } else { Ok((lease, upload)) };
        }
        let upload = self.find(owner, id).await?;
        self.admit(&upload, request).await?;
        let wanted = Instant::now();
        let mut lease = self.stores.leases.take_over(id, Wanted::RecordedOffset).await?;
        metrics::get().lease_wait_seconds.since(wanted);
        let upload = self.find_held(owner, id, &mut lease).await?;
        Ok((lease, upload))
    }

    /// Receives, and waits for the message if there is to be one. Dropping this future ends the body at most,
    /// never the work.
    async fn receive(
        self: &Arc<Self>,
        lease: Lease,
        upload: Upload,
        admission: Admission,
        content_length: Option<u64>,
        body: Body,
    ) -> Result<Standing, UploadError> {
        let room = self.allowance.take(&upload, &admission, content_length).await?;
        let store = self.stores.appends.open(upload.id, lease.epoch(), upload.offset).await?;
        let is_begun = upload.offset > 0 || body.verification == Verification::None;
        let digest = match &upload.digest {
            Some(state) => Some(state.resume().ok_or_else(foreign_digest)?),
            None if is_begun || !self.limits.digests.include_checked() => None,
            None => Some(RunningDigest::default()),
        };
        let mut intake = Intake::checked(store, upload.offset, digest, body.verification.clone());
        intake.expect(Coming {
            from: upload.offset,
            until: content_length.map(|bytes| upload.offset.saturating_add(bytes)),
            length: admission.length.known(),
        });
        intake.digest_until(self.limits.digests.end(upload.length, upload.is_announced()));
        let surroundings = Surroundings {
            records: self.stores.records.clone(),
            finalizer: self.finalizer.clone(),
            stride: self.stores.appends.stride(),
            idle: self.limits.body_idle,
            expire_after_secs: self.limits.expire_after_secs,
            draining: self.draining.clone(),
        };
        let mut reception = Reception::new(surroundings, lease, upload, admission, intake, room);
        let uploads = Arc::clone(self);
        let work = async move {
            let outcome = reception.run(body.frames).await;
            let upload = reception.end();
            // Settling drives the upload; a body that broke off may have done so after its last byte.
            if outcome.is_err() || !upload.is_owed() {
                uploads.finalizer.received(&upload).await;
            }
            if matches!(outcome, Err(UploadError::BodyBroken | UploadError::BodyIdle)) {
                uploads.finalizer.teller().broke(upload.id);
            }
            outcome?;
            uploads.settle_found(upload).await
        };
        outlive(&self.tasks, work.boxed())
            .await
            .unwrap_or_else(|panicked| Err(StoreError::Unavailable(panicked.to_string()).into()))
    }
}

fn foreign_digest() -> StoreError {
    StoreError::Damaged("the ledger's digest state is not one that this version wrote".into())
}
