//! The sweep, which takes away abandoned uploads.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use tokio_util::sync::CancellationToken;

use super::error::UploadError;
use super::{Limits, Uploads};
use crate::crash;
use crate::metrics;
use crate::store::{Duty, Lease, StoreError};
use crate::time::Timestamp;
use crate::upload::{State, Upload, UploadId};

/// The most uploads that one sweep takes away; the next one continues.
const BATCH: usize = 10_000;
/// How many uploads are changed at the same time: their changes are made durable together.
const AT_ONCE: usize = 32;
/// The least time for which an expired upload says so; it does for the time that it took to expire, if that
/// is longer.
const TOMBSTONE_SECS: u64 = 24 * 60 * 60;

impl Uploads {
    /// Sweeps every `interval` until cancelled.
    pub async fn keep_sweeping(&self, interval: Duration, cancelled: CancellationToken) {
        while cancelled.run_until_cancelled(tokio::time::sleep(interval)).await.is_some() {
            match self.sweep(Timestamp::now()).await {
                Ok(0) => {}
                Ok(count) => tracing::debug!(count, "swept"),
                Err(error) => tracing::error!(%error, "sweeping failed and will be tried again"),
            }
        }
    }

    /// Expires uploads that are due at `now`, and ends those that are long over, if that is this process's
    /// duty; answers how many changed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn sweep(&self, now: Timestamp) -> Result<usize, StoreError> {
        if !self.stores.duties.is_mine(Duty::Sweep).await? {
            return Ok(0);
        }
        let cutoff = now.minus_secs(self.limits.expire_after_secs);
        let idle = stream::iter(self.stores.records.idle_since(cutoff, BATCH).await?);
        let expiring = idle.map(|id| async move {
            crash::point("sweep.found");
            self.expire(id, now).await
        });
        // To the end even if one fails: a record whose bytes were not freed would be looked at only at the
        // next start.
        let count = |count: Result<usize, StoreError>, expired: Result<bool, StoreError>| {
            std::future::ready(count.and_then(|count| Ok(count + usize::from(expired?))))
        };
        let expired = expiring.buffer_unordered(AT_ONCE).fold(Ok(0), count).await;
        Ok(expired? + self.sweep_over(now).await?)
    }

    /// Removes the records of uploads that became messages long ago; answers how many.
    async fn sweep_over(&self, now: Timestamp) -> Result<usize, StoreError> {
        let cutoff = now.minus_secs(self.kept_for_secs());
        let over = stream::iter(self.stores.records.committed_before(cutoff, BATCH).await?);
        let ending = over.map(|id| self.end_over(id));
        let count = |count: Result<usize, StoreError>, ended: Result<bool, StoreError>| {
            std::future::ready(count.and_then(|count| Ok(count + usize::from(ended?))))
        };
        ending.buffer_unordered(AT_ONCE).fold(Ok(0), count).await
    }

    /// Removes the record of an upload that is over. Its message has the bytes and the `client_message_id`,
    /// so the record is all that there is to take away, in one step.
    async fn end_over(&self, id: UploadId) -> Result<bool, StoreError> {
        let Some(lease) = self.stores.leases.take_idle(id).await? else { return Ok(false) };
        match self.stores.records.find(id).await?.map(|upload| upload.state) {
            // Only once the message is published: until then a client that was not told may ask.
            Some(State::Committed(message)) if !self.stores.messages.is_unpublished(message).await? => {}
            _ => return Ok(false),
        }
        crash::point("sweep.found");
        self.stores.records.remove(id, lease.epoch()).await?;
        crash::point("sweep.ended");
        Ok(true)
    }

    /// How long the record of an upload stays after its message: for twice the window, the second half to say
    /// that it is over. It stays no shorter than parts do, because a final upload that is asked for again
    /// with the same parts has the same id.
    fn kept_for_secs(&self) -> u64 {
        let Limits { result_window_secs: window, expire_after_secs, .. } = self.limits;
        window.saturating_mul(2).max(expire_after_secs)
    }

    /// Frees the `client_message_id` of an upload that is overdue.
    pub(super) async fn release(&self, id: UploadId) -> Result<(), UploadError> {
        self.expire(id, Timestamp::now()).await?;
        Ok(())
    }

    /// Expires one upload, if it is due and no request holds it.
    async fn expire(&self, id: UploadId, now: Timestamp) -> Result<bool, StoreError> {
        let Some(lease) = self.stores.leases.take_idle(id).await? else { return Ok(false) };
        let Some(upload) = self.stores.records.find(id).await? else { return Ok(false) };
        match upload.expires_at(self.limits.expire_after_secs) {
            Some(due) if due <= now => self.expire_held(&lease, upload, now).await,
            _ => Ok(false),
        }
    }

    async fn expire_held(&self, lease: &Lease, upload: Upload, now: Timestamp) -> Result<bool, StoreError> {
        let (id, epoch) = (upload.id, lease.epoch());
        let outcome = match upload.state {
            State::Expired if now < self.buried_at(&upload) => return Ok(false),
            State::Expired | State::Rejected(_) => self.stores.records.remove(id, epoch).await,
            _ => self.stores.records.transition(id, epoch, &upload.state, &State::Expired).await,
        };
        match outcome {
            Ok(()) => {}
            // The upload was bound, or taken, or changed otherwise, at the last moment.
            Err(StoreError::Conflict(_) | StoreError::Fenced) => return Ok(false),
            Err(error) => return Err(error),
        }
        crash::point("expire.recorded");
        match upload.state {
            State::Expired | State::Rejected(_) => tracing::debug!(upload = %upload.id, "record removed"),
            _ => {
                metrics::get().uploads_expired.inc();
                tracing::info!(upload = %upload.id, bytes = upload.offset, "upload expired");
            }
        }
        self.finalizer.landed(upload.id).await;
        self.finalizer.free(&upload).await?;
        crash::point("sweep.freed");
        if upload.state.needs_bytes() {
            self.finalizer.teller().cancelled(&upload);
        }
        Ok(true)
    }

    /// The time when the record of an expired upload is removed.
    fn buried_at(&self, upload: &Upload) -> Timestamp {
        let expire_after = self.limits.expire_after_secs;
        upload.active_at.plus_secs(expire_after).plus_secs(expire_after.max(TOMBSTONE_SECS))
    }
}
