//! Orphans, bytes that no record needs: a kill left them of uploads that have no record until their bytes are
//! there, and of those that were being freed. They are looked for beside the requests, by the process that
//! has the duty: once in the life of a process, and again every few hours where others may have been killed
//! meanwhile.
//!
//! ```text
//! bytes of                                       are
//! an upload that needs them, as its record says  left alone
//! one that this process has begun                left alone: its record comes after its bytes
//! one that another process may have begun        left alone until no upload in one piece is that old
//! any other                                      freed
//! ```

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Uploads;
use crate::crash;
use crate::store::{Duty, Lease, NoTurn, StoreError, Wanted};
use crate::time::Timestamp;
use crate::upload::UploadId;

/// How many parts are looked at before the next are listed.
const PAGE: usize = 10_000;
/// How often a part is tried to be taken that requests ask for all the time.
const TURNS: usize = 10;
/// The longest time that an upload in one piece may take.
pub(super) const LONGEST: Duration = Duration::from_secs(12 * 60 * 60);
/// The age of bytes from which they cannot be those of an upload in one piece any more.
const AGE_SECS: u64 = 24 * 60 * 60;

/// Uploads that this process has begun without a record, for as long as orphans are looked for.
#[derive(Debug, Default)]
pub(super) struct Begun {
    is_over: AtomicBool,
    ids: Mutex<HashSet<UploadId>>,
}

impl Begun {
    /// Notes an upload before the first of its bytes is written.
    pub(super) fn note(&self, id: UploadId) {
        if !self.is_over.load(Ordering::Acquire) {
            self.ids().insert(id);
        }
    }

    fn contains(&self, id: UploadId) -> bool {
        self.ids().contains(&id)
    }

    fn end(&self) {
        self.is_over.store(true, Ordering::Release);
        *self.ids() = HashSet::new();
    }

    fn ids(&self) -> MutexGuard<'_, HashSet<UploadId>> {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Uploads {
    /// Frees the bytes of every part that no record needs, and cuts off what a freed upload appended to a
    /// part that it shared, if that is this process's duty; answers how many parts were freed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn free_orphans(&self, now: Timestamp) -> Result<usize, StoreError> {
        if !self.stores.duties.is_mine(Duty::Orphans).await? {
            self.begun.end();
            return Ok(0);
        }
        let written_before = now.minus_secs(AGE_SECS);
        let freed = self.free_written_before(written_before).await;
        // However that went: what is noted takes memory, and what other processes begin is told by its age.
        self.begun.end();
        let count = freed?;
        self.trim_parts(written_before).await?;
        Ok(count)
    }

    async fn free_written_before(&self, written_before: Timestamp) -> Result<usize, StoreError> {
        let (mut count, mut after) = (0, None);
        loop {
            let page = self.stores.payloads.parts(written_before, after, PAGE).await?;
            for id in &page {
                count += usize::from(self.free_orphan(*id).await?);
            }
            after = page.last().copied();
            if after.is_none() {
                return Ok(count);
            }
        }
    }

    async fn free_orphan(&self, id: UploadId) -> Result<bool, StoreError> {
        if self.is_needed(id).await? || self.begun.contains(id) {
            return Ok(false);
        }
        let Some(_lease) = self.take_orphan(id).await? else { return Ok(false) };
        // A final upload may have the id again, and may have been made in between.
        if self.is_needed(id).await? {
            return Ok(false);
        }
        let freed = self.stores.payloads.discard(id).await;
        crash::point("recover.orphan");
        if let Err(error) = &freed {
            // A part that no upload needs is no reason to stop.
            tracing::warn!(upload = %id, %error, "a part that no record needs stays");
        }
        Ok(freed.is_ok())
    }

    /// Takes a part that no record needs. A request that has it only finds that there is nothing to do, and
    /// is waited for: nothing else frees this part before the next round.
    async fn take_orphan(&self, id: UploadId) -> Result<Option<Lease>, StoreError> {
        for _ in 0..TURNS {
            match self.stores.leases.take_over(id, Wanted::WhatCame).await {
                Ok(lease) => return Ok(Some(lease)),
                Err(NoTurn::Displaced | NoTurn::Late) => {}
                Err(NoTurn::Store(error)) => return Err(error),
            }
        }
        Ok(None)
    }

    async fn is_needed(&self, id: UploadId) -> Result<bool, StoreError> {
        Ok(self.stores.records.find(id).await?.is_some_and(|upload| upload.state.needs_bytes()))
    }

    /// Cuts off bytes behind parts: a freed upload may have shared a file with a part, and appended to it.
    async fn trim_parts(&self, written_before: Timestamp) -> Result<(), StoreError> {
        let mut after = None;
        loop {
            let page = self.stores.payloads.parts(written_before, after, PAGE).await?;
            for id in &page {
                let Some(part) = self.stores.records.find(*id).await?.filter(|part| part.is_whole_part())
                else {
                    continue;
                };
                if let Err(error) = self.stores.payloads.trim(part.id, part.offset).await {
                    tracing::warn!(upload = %part.id, %error, "bytes behind a part stay");
                }
            }
            after = page.last().copied();
            if after.is_none() {
                return Ok(());
            }
        }
    }
}
