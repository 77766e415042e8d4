//! Rejecting an upload for good.

use super::error::UploadError;
use crate::crash;
use crate::metrics;
use crate::store::Records;
use crate::upload::{RejectionReason, Upload};

/// Records the rejection and answers it. The bytes are freed with those of other dead uploads.
pub(super) async fn reject(records: &dyn Records, upload: &Upload, reason: RejectionReason) -> UploadError {
    let rejected = match upload.state.reject(reason) {
        Ok(rejected) => rejected,
        // The upload is further than it seemed, or dead already.
        Err(_) => return UploadError::Busy,
    };
    match records.transition(upload.id, upload.epoch, &upload.state, &rejected).await {
        Ok(()) => {
            crash::point("reject.recorded");
            metrics::get().uploads_rejected.inc();
            tracing::info!(upload = %upload.id, bytes = upload.offset, %reason, "upload rejected");
            UploadError::Rejected(reason)
        }
        Err(error) => error.into(),
    }
}
