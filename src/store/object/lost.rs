//! Bytes that the object store does not have: when they count as lost.

use std::time::Duration;

use super::objects::Shared;
use super::owner::Owner;
use crate::store::StoreError;
use crate::upload::UploadId;

impl Shared {
    /// How long bytes of the upload are missed.
    pub(super) fn missed(&self, id: UploadId) -> Duration {
        self.missed.since(id)
    }

    /// The error about bytes of the upload that are missed: for long, they are lost. A bucket that is not
    /// this database's says nothing about them.
    pub(super) async fn missing(&self, id: UploadId, what: String) -> StoreError {
        if self.missed(id) < self.limits.lost {
            return StoreError::Unavailable(what);
        }
        match self.owner().await {
            Ok(Owner::This) => StoreError::Damaged(what),
            Ok(_) => StoreError::Unavailable(format!("{what}, and the bucket is not that of this database")),
            Err(error) => error,
        }
    }
}
