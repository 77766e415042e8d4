//! What an earlier process left by a crash: driven on, and freed.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::finalizer::Finalizer;
use crate::http::Readiness;
use crate::time::Timestamp;
use crate::uploads::Uploads;

/// Frees what a crash left lying about: that of this process, and from time to time that of others, if there
/// may be any.
pub(super) async fn keep_freeing_orphans(uploads: &Uploads, is_shared: bool) {
    const EVERY: Duration = Duration::from_secs(6 * 60 * 60);
    loop {
        free_orphans(uploads).await;
        if !is_shared {
            return;
        }
        tokio::time::sleep(EVERY).await;
    }
}

async fn free_orphans(uploads: &Uploads) {
    match uploads.free_orphans(Timestamp::now()).await {
        Ok(orphans) => tracing::info!(orphans, "bytes that no record needs are freed"),
        Err(error) => tracing::error!(%error, "bytes that no record needs could not be looked for"),
    }
}

/// Drives on what was interrupted, then works as usual.
pub(super) async fn recover(finalizer: Arc<Finalizer>, readiness: Readiness, cancelled: CancellationToken) {
    const RETRY: Duration = Duration::from_secs(1);
    loop {
        match cancelled.run_until_cancelled(finalizer.recover()).await {
            None => return,
            Some(Ok(count)) => {
                tracing::info!(count, "recovered");
                break;
            }
            Some(Err(error)) => tracing::error!(%error, "recovering failed and will be tried again"),
        }
        tokio::time::sleep(RETRY).await;
    }
    readiness.recovered();
    finalizer.keep_recovering(&cancelled).await;
}
