//! Bytes that come before their record, of an upload that is stored with all of them or not at all.

use std::sync::Arc;

use bytes::Bytes;
use tokio::time::Instant;

use super::Uploads;
use super::error::UploadError;
use super::intake::Intake;
use super::orphans::LONGEST;
use crate::crash;
use crate::metrics;
use crate::store::{Coming, Created, StoreError, Taking};
use crate::upload::{Bounds, Epoch, Length, RunningDigest, State, Upload, UploadId};

/// The bytes of an upload without a record. Dropped before it has one, they are freed.
pub(super) struct Unrecorded {
    uploads: Arc<Uploads>,
    id: UploadId,
    /// Whether the digest of the bytes is wanted.
    is_digested: bool,
    coming: Coming,
    intake: Option<Intake>,
    /// Whether a record may need the bytes. Once there is a record, it is the truth about them.
    is_recorded: bool,
    since: Instant,
}

impl Unrecorded {
    pub(super) fn new(uploads: Arc<Uploads>, id: UploadId, is_digested: bool) -> Self {
        uploads.begun.note(id);
        let coming = Coming::default();
        Self { uploads, id, is_digested, coming, intake: None, is_recorded: false, since: Instant::now() }
    }

    pub(super) fn id(&self) -> UploadId {
        self.id
    }

    /// Whether its bytes may be taken for those of an upload that came to nothing.
    pub(super) fn is_too_slow(&self) -> bool {
        self.since.elapsed() > LONGEST
    }

    /// Takes note that about so many bytes are to come, and not more; before the first of them.
    pub(super) fn expect(&mut self, bytes: u64) {
        self.coming = Coming { from: 0, until: Some(bytes), length: Some(bytes) };
    }

    /// How many bytes were taken.
    pub(super) fn length(&self) -> u64 {
        self.intake.as_ref().map_or(0, Intake::end)
    }

    /// Takes bytes. They are on their way to the disk; only a bounded number of them is held in memory.
    pub(super) async fn take(&mut self, data: Bytes) -> Result<(), StoreError> {
        self.intake().await?.take(data).await
    }

    /// Stores the upload with the bytes as all that it has, and with the claim of its message where one can
    /// be made; answers the upload as it is stored, if it is.
    ///
    /// # Errors
    /// [`UploadError::AnotherFile`] if it would overtake an upload that is known to be another file.
    pub(super) async fn record(
        &mut self,
        upload: Upload,
        taking: Taking,
        bounds: Bounds,
    ) -> Result<(Created, Upload), UploadError> {
        let (digest, mut last) = self.intake().await?.last().await?;
        let mut upload = Upload { offset: self.length(), digest, state: State::Complete, ..upload };
        if taking == Taking::Overtake && self.uploads.stores.records.holder(&upload).await?.is_some() {
            // The files are compared where they are stored.
            self.intake().await?.settle(std::mem::take(&mut last)).await?;
            if self.uploads.finalizer.contradicts_holder(&upload).await? {
                return Err(UploadError::AnotherFile);
            }
        }
        let claim = self.uploads.finalizer.claim_ahead(&upload).await;
        // Until it is certain that there is no record.
        self.is_recorded = true;
        let created = self.intake().await?.create(last, &upload, taking, bounds, claim).await;
        self.is_recorded =
            !matches!(created, Ok(Created::Taken(_) | Created::Refused(_)) | Err(StoreError::Full));
        if let Ok(Created::New(state)) = &created {
            upload.state = state.clone();
            // Closes the file, which may be moved at once.
            self.intake = None;
            metrics::get().bytes_received.inc_by(upload.offset);
            crash::point("append.recorded");
            self.uploads.finalizer.recorded(&upload);
        }
        Ok((created?, upload))
    }

    async fn intake(&mut self) -> Result<&mut Intake, StoreError> {
        if self.intake.is_none() {
            let store = self.uploads.stores.appends.open(self.id, Epoch::FIRST, 0).await?;
            let digest = self.is_digested.then(RunningDigest::default);
            let mut intake = Intake::new(store, 0, digest);
            intake.expect(self.coming);
            intake.digest_until(self.uploads.limits.digests.end(Length::Deferred, false));
            self.intake = Some(intake);
        }
        Ok(self.intake.as_mut().expect("just opened"))
    }
}

impl Drop for Unrecorded {
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
                tracing::warn!(upload = %id, %error, "bytes without a record stay until the next start");
            }
        });
    }
}
