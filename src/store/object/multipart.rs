//! The object of parts of an upload, which is begun before the first of them.

use super::objects::Shared;
use crate::store::StoreError;
use crate::store::postgres::rows;
use crate::upload::{Epoch, UploadId};

/// An object of parts that is to be begun.
pub(super) struct Multipart {
    pub(super) id: UploadId,
    pub(super) epoch: Epoch,
    pub(super) key: String,
}

impl Multipart {
    /// Begins it; answers its id. A holder that was displaced meanwhile leaves it as garbage.
    pub(super) async fn begin(self, shared: &Shared) -> Result<String, StoreError> {
        let begin = shared.watched(shared.bucket.begin(&self.key, self.id));
        let late = || StoreError::Unavailable("the object store takes too long to begin an object".into());
        let begun = tokio::time::timeout(shared.limits.part_timeout, begin).await.map_err(|_| late())??;
        let sql = "with s as (
                update stored set multipart_id = $3, begun_at = clock_timestamp()
                where upload = $1 and epoch = $2 and multipart_id is null
                returning upload
            ), g as (
                insert into garbage (object_key, multipart_id, has_object)
                select $4::text, $3::text, false where not exists (select 1 from s)
            )
            select exists (select 1 from s) as is_own";
        let epoch = self.epoch.number().cast_signed();
        let row = shared.store.row(sql, &[&self.id.uuid(), &epoch, &begun, &self.key]).await?;
        let is_own = row.map(|row| rows::column(&row, "is_own")).transpose()?.unwrap_or(false);
        if is_own { Ok(begun) } else { Err(StoreError::Fenced) }
    }
}

impl Shared {
    /// Lets go of an object of parts that the object store does not have any more; answers whether no part of
    /// it was recorded.
    pub(super) async fn forget(
        &self,
        id: UploadId,
        epoch: Epoch,
        multipart: &str,
    ) -> Result<bool, StoreError> {
        let sql = "with f as (
                update stored set multipart_id = null
                where upload = $1 and epoch = $2 and multipart_id = $3 and parts = 0
            )
            select parts = 0 as is_empty from stored where upload = $1 and epoch = $2";
        let row = self.store.row(sql, &[&id.uuid(), &epoch.number().cast_signed(), &multipart]).await?;
        rows::column(&row.ok_or(StoreError::Fenced)?, "is_empty")
    }
}
