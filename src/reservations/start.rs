//! Bringing the counts in line with the records: at the start, and for creations whose outcome is unknown.

use std::collections::HashSet;
use std::time::Instant;

use super::{Allowance, Reservations, Room};
use crate::store::{Records, StoreError};
use crate::upload::{Upload, UploadId};

/// How many records are read at once.
const PAGE: usize = 256;

/// The noting of changes of uploads that are not counted, until it is dropped.
pub(super) struct Noting<'a>(&'a Reservations);

impl Allowance {
    /// Counts every unfinished upload that is stored, while requests change them. Room is kept again for
    /// each, as far as it is in its owner's share.
    ///
    /// # Errors
    /// [`StoreError`]; it may be called again.
    pub(crate) async fn count(&self, records: &dyn Records) -> Result<usize, StoreError> {
        let (mut count, mut after) = (0, None);
        loop {
            let (begun, noting) = (Instant::now(), self.reservations.note_changes());
            let page = records.every_unfinished(after.as_ref(), PAGE).await?;
            self.reservations.count_page(&page, noting, records, self.room(0).await?).await?;
            count += page.len();
            match page.into_iter().next_back() {
                Some(last) => after = Some(last),
                None => return Ok(count),
            }
            // There may be a million uploads, and this can wait: it takes half of a processor at most.
            tokio::time::sleep(begun.elapsed()).await;
        }
    }
}

impl Reservations {
    /// Counts uploads that were read after the noting began.
    pub(super) async fn count_page(
        &self,
        page: &[Upload],
        noting: Noting<'_>,
        records: &dyn Records,
        room: Room,
    ) -> Result<(), StoreError> {
        page.iter().for_each(|upload| self.insert(upload, Some(room)));
        for id in noting.end() {
            self.compare(records, id).await?;
        }
        Ok(())
    }

    /// Begins to note changes of uploads that are not counted.
    pub(super) fn note_changes(&self) -> Noting<'_> {
        self.counts().missed = Some(HashSet::new());
        Noting(self)
    }

    /// Looks up creations of which it is unknown whether they were stored.
    ///
    /// # Errors
    /// [`StoreError`]; creations that were not looked up by then are counted until the next start.
    pub(crate) async fn settle_doubts(&self, records: &dyn Records) -> Result<(), StoreError> {
        for id in self.take_doubtful() {
            self.compare(records, id).await?;
        }
        Ok(())
    }

    /// Corrects the count of an upload by its record.
    async fn compare(&self, records: &dyn Records, id: UploadId) -> Result<(), StoreError> {
        match records.find(id).await? {
            Some(upload) if upload.state.needs_bytes() => self.grown(id, upload.offset, upload.length),
            _ => self.forget(id),
        }
        Ok(())
    }
}

impl Noting<'_> {
    /// Ends the noting, and answers the uploads that were noted.
    fn end(self) -> HashSet<UploadId> {
        self.0.counts().missed.take().unwrap_or_default()
    }
}

impl Drop for Noting<'_> {
    fn drop(&mut self) {
        self.0.counts().missed = None;
    }
}
