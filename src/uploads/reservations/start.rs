//! Bringing the counts in line with the records: at the start, and where a creation's fate is unknown.

use super::Reservations;
use crate::store::{Records, StoreError};
use crate::upload::UploadId;

/// As many records are read at once.
const PAGE: usize = 256;

impl Reservations {
    /// Counts every unfinished upload that is stored, while others change them.
    ///
    /// # Errors
    /// [`StoreError`]; it may be called again.
    pub async fn count(&self, records: &dyn Records) -> Result<usize, StoreError> {
        let (mut count, mut after) = (0, None);
        loop {
            let page = records.every_unfinished(after.as_ref(), PAGE).await?;
            for upload in &page {
                self.insert(upload);
            }
            // What changed between the reading and the counting told nobody, so everything is read once more.
            for upload in &page {
                self.compare(records, upload.id).await?;
            }
            count += page.len();
            match page.into_iter().next_back() {
                Some(last) => after = Some(last),
                None => return Ok(count),
            }
            tokio::task::yield_now().await;
        }
    }

    /// Looks up creations that nobody heard of again.
    ///
    /// # Errors
    /// [`StoreError`]; what was not looked up by then is counted until the next start.
    pub(in crate::uploads) async fn settle_doubts(&self, records: &dyn Records) -> Result<(), StoreError> {
        for id in self.take_doubtful() {
            self.compare(records, id).await?;
        }
        Ok(())
    }

    /// Makes the count of an upload that of its record.
    async fn compare(&self, records: &dyn Records, id: UploadId) -> Result<(), StoreError> {
        match records.find(id).await? {
            Some(upload) if upload.state.needs_bytes() => self.grown(id, upload.offset, upload.length),
            _ => self.forget(id),
        }
        Ok(())
    }
}
