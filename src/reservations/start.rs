//! Bringing the counts in line with the records: at the start, and where a creation's fate is unknown.

use std::collections::HashSet;
use std::time::Instant;

use super::{Allowance, Reservations, Room};
use crate::store::{Records, StoreError};
use crate::upload::{Upload, UploadId};

/// As many records are read at once.
const PAGE: usize = 256;

/// While it is there, changes of uploads that are not counted are noted.
pub(super) struct Noting<'a>(&'a Reservations);

impl Allowance {
    /// Counts every unfinished upload that is stored, while others change them. Each keeps room again, as far as it is
    /// in its owner's share.
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
            // There may be a million, and this can wait: it takes half of a processor at most.
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

    /// Looks up creations that nobody heard of again.
    ///
    /// # Errors
    /// [`StoreError`]; what was not looked up by then is counted until the next start.
    pub(crate) async fn settle_doubts(&self, records: &dyn Records) -> Result<(), StoreError> {
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

impl Noting<'_> {
    /// What was noted.
    fn end(self) -> HashSet<UploadId> {
        self.0.counts().missed.take().unwrap_or_default()
    }
}

impl Drop for Noting<'_> {
    fn drop(&mut self) {
        self.0.counts().missed = None;
    }
}
