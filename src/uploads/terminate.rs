//! Ending uploads on request (tus 1.0.0, Termination).

use std::sync::Arc;

use super::Uploads;
use super::error::UploadError;
use super::lease::Lease;
use crate::crash;
use crate::message::UserId;
use crate::store::StoreError;
use crate::upload::{State, Upload, UploadId};

impl Uploads {
    /// Ends an upload. Before the commit everything is freed; a message that is made, or is being made, stays.
    ///
    /// # Errors
    /// [`UploadError::NotFound`], [`UploadError::Expired`], [`UploadError::Busy`].
    pub async fn terminate(self: &Arc<Self>, owner: &UserId, id: UploadId) -> Result<(), UploadError> {
        self.find(owner, id).await?;
        let lease = self.leases.take_over(id).await?;
        let mut upload = self.find(owner, id).await?;
        if matches!(upload.state, State::Finalizing(_)) {
            // Its message will be made: wait for that, then end the upload resource.
            upload = self.settle(id).await?.upload;
        }
        let task = self.tasks.spawn(remove(Arc::clone(self), lease, upload));
        task.await.unwrap_or_else(|error| Err(StoreError::Unavailable(error.to_string()).into()))
    }
}

/// The record goes first: bytes without a record are freed at the next start, a record without bytes would be
/// a lie.
async fn remove(uploads: Arc<Uploads>, lease: Lease, upload: Upload) -> Result<(), UploadError> {
    match uploads.stores.records.remove(upload.id).await {
        Ok(()) => {}
        Err(StoreError::Conflict(_)) => return Err(UploadError::Busy),
        Err(error) => return Err(error.into()),
    }
    crash::point("remove.recorded");
    // Without its record a join ends with the stretch that it is at.
    uploads.finalizer.landed(upload.id).await;
    if upload.state.needs_bytes() {
        uploads.stores.payloads.discard(upload.id).await?;
        crash::point("remove.freed");
        uploads.finalizer.teller().cancelled(&upload);
    }
    drop(lease);
    Ok(())
}
