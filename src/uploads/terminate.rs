//! Ending uploads on request (tus 1.0.0, Termination).

use std::sync::Arc;

use super::Uploads;
use super::error::UploadError;
use crate::crash;
use crate::message::UserId;
use crate::store::{Lease, StoreError, Wanted};
use crate::upload::{State, Upload, UploadId};

impl Uploads {
    /// Ends an upload. Before the commit everything is freed; a message that is made, or being made, stays.
    ///
    /// # Errors
    /// [`UploadError::NotFound`], [`UploadError::Expired`], [`UploadError::Busy`].
    pub async fn terminate(self: &Arc<Self>, owner: &UserId, id: UploadId) -> Result<(), UploadError> {
        self.find(owner, id).await?;
        let mut lease = self.stores.leases.take_over(id, Wanted::WhatCame).await?;
        let mut upload = self.find_held(owner, id, &mut lease).await?;
        if matches!(upload.state, State::Finalizing(_)) {
            // Its message will be made: wait for that, then end the upload resource.
            upload = self.settle(id).await?.upload;
        }
        let bytes = upload.offset;
        let task = self.tasks.spawn(remove(Arc::clone(self), lease, upload));
        task.await.unwrap_or_else(|error| Err(StoreError::Unavailable(error.to_string()).into()))?;
        tracing::info!(upload = %id, bytes, "upload ended by its owner");
        Ok(())
    }

    /// Ends an upload that came to nothing within the request that created it, unless another request has
    /// taken it meanwhile. An upload that cannot be ended now expires.
    pub(super) async fn abandon(self: &Arc<Self>, id: UploadId) {
        let Ok(Some(lease)) = self.stores.leases.take_idle(id).await else { return };
        let uploads = Arc::clone(self);
        let work = async move {
            let upload = uploads.stores.records.find(id).await?.ok_or(UploadError::NotFound)?;
            if upload.offset > 0 || upload.state != State::Receiving {
                return Ok(());
            }
            remove(uploads, lease, upload).await
        };
        if let Ok(Err(error)) = self.tasks.spawn(work).await {
            tracing::warn!(upload = %id, %error, "an upload that came to nothing stays until it expires");
        }
    }
}

/// Removes an upload. The record goes first: bytes without a record are freed after the next start, but a
/// record without bytes would be a lie.
async fn remove(uploads: Arc<Uploads>, lease: Lease, upload: Upload) -> Result<(), UploadError> {
    match uploads.stores.records.remove(upload.id, lease.epoch()).await {
        Ok(()) => {}
        Err(StoreError::Conflict(_)) => return Err(UploadError::Busy),
        Err(error) => return Err(error.into()),
    }
    crash::point("remove.recorded");
    // Without its record, a join ends with its current stretch.
    uploads.finalizer.landed(upload.id).await;
    // Those of one that was rejected while they came are there still, and nothing else would free them soon.
    let may_have_bytes = upload.state.needs_bytes() || matches!(upload.state, State::Rejected(_));
    if may_have_bytes {
        uploads.finalizer.free(&upload).await?;
        crash::point("remove.freed");
    }
    if upload.state.needs_bytes() {
        uploads.finalizer.teller().cancelled(&upload);
    }
    drop(lease);
    Ok(())
}
