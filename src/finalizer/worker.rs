//! The worker that finds owed messages and announcements, at the start and every few seconds.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::Finalizer;
use crate::crash;
use crate::store::{Duty, StoreError};
use crate::upload::UploadId;

/// How often the stores are asked, should every wake-up be lost.
const POLL: Duration = Duration::from_secs(5);
/// The pause after a failure: shorter, because a client waits.
const RETRY: Duration = Duration::from_millis(500);
/// How long clients of the previous process are waited for: stock ones pause for 7.5 s at most before they
/// try to connect again.
const RECONNECTING: Duration = Duration::from_secs(8);
/// How many uploads are driven at the same time, a quarter of those that are read at once.
const AT_ONCE: usize = 16;

impl Finalizer {
    /// Drives every upload that is owed a message, once each, if that is this process's duty; answers how
    /// many there were.
    ///
    /// # Errors
    /// [`StoreError`] if the records cannot be read.
    pub async fn recover(self: &Arc<Self>) -> Result<usize, StoreError> {
        if !self.stores.duties.is_mine(Duty::Recover).await? {
            return Ok(0);
        }
        let (mut count, mut after) = (0, None);
        loop {
            let owed = self.stores.records.owed(after, AT_ONCE * 4).await?;
            let Some(last) = owed.last().copied() else { return Ok(count) };
            crash::point("recover.found");
            after = Some(last);
            count += owed.len();
            futures_util::stream::iter(owed)
                .for_each_concurrent(AT_ONCE, |id| async move {
                    self.go_on(id).await;
                })
                .await;
            crash::point("recover.driven");
        }
    }

    /// Drives an upload and waits for its message, but not while gigabytes are joined.
    async fn go_on(self: &Arc<Self>, id: UploadId) {
        match self.stores.records.find(id).await {
            Ok(Some(upload)) if upload.awaited_parts().is_some() => self.nudge(id),
            _ => drop(self.drive(id).await),
        }
    }

    /// Announces messages as soon as they are made, until cancelled. Messages that the previous process left
    /// wait for its clients meanwhile, for some seconds.
    pub async fn keep_publishing(&self, cancelled: &CancellationToken) {
        tokio::join!(self.keep_announcing(cancelled), self.wait_for_clients(cancelled));
    }

    async fn keep_announcing(&self, cancelled: &CancellationToken) {
        let mut look = tokio::time::interval(POLL);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !cancelled.is_cancelled() {
            let published = tokio::select! {
                () = cancelled.cancelled() => return,
                _ = look.tick() => self.publish_all().await,
                () = self.committed.added() => self.publish_own().await,
            };
            if let Err(error) = published {
                tracing::error!(%error, "publishing failed and will be tried again");
                look.reset_after(RETRY);
            }
        }
    }

    async fn wait_for_clients(&self, cancelled: &CancellationToken) {
        let mut pause = RECONNECTING;
        while cancelled.run_until_cancelled(tokio::time::sleep(pause)).await.is_some() {
            match self.let_go().await {
                Ok(()) => return,
                Err(error) => tracing::error!(%error, "publishing failed and will be tried again"),
            }
            pause = RETRY;
        }
    }

    /// Drives on, until cancelled, what waits for uploads that other processes complete.
    pub async fn keep_listening(self: &Arc<Self>, cancelled: &CancellationToken) {
        let mut completed = self.stores.hints.completed();
        while let Some(Some(id)) = cancelled.run_until_cancelled(completed.next()).await {
            self.completed(id);
        }
    }

    /// Drives on the final uploads that are known to wait for the part.
    pub(super) fn completed(self: &Arc<Self>, part: UploadId) {
        self.waiting.for_part(part).into_iter().for_each(|id| self.nudge(id));
    }

    /// Waits, for a held upload, until another process says that the upload is complete, or until it is time
    /// to look again. `false`, at once, if there is no other process.
    pub(super) async fn is_to_look_again(&self, id: UploadId) -> bool {
        let completed = self.stores.hints.completed();
        let mut this = completed.filter(|completed| std::future::ready(*completed == id));
        !matches!(tokio::time::timeout(RETRY, this.next()).await, Ok(None))
    }

    /// Finds and drives owed uploads every few seconds, until cancelled.
    pub async fn keep_recovering(self: &Arc<Self>, cancelled: &CancellationToken) {
        while cancelled.run_until_cancelled(tokio::time::sleep(POLL)).await.is_some() {
            if let Err(error) = self.recover().await {
                tracing::error!(%error, "looking for owed uploads failed and will be tried again");
            }
        }
    }
}
