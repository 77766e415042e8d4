//! A sync that is under way while more is received.

use std::future::pending;

use crate::store::{StoreError, Syncing};
use crate::upload::DigestState;

/// The sync of all bytes before an offset.
pub(super) struct Checkpoint {
    pub(super) syncing: Syncing,
    pub(super) reached: Reached,
}

/// The offset of a checkpoint, and the digest of all bytes before it.
pub(super) struct Reached {
    pub(super) offset: u64,
    pub(super) digest: Option<DigestState>,
}

/// Waits until the checkpoint is durable and takes it out; without one, waits for ever. Dropped, it leaves
/// the checkpoint.
pub(super) async fn reached(checkpoint: &mut Option<Checkpoint>) -> Result<Reached, StoreError> {
    let Some(under_way) = checkpoint else { return pending().await };
    let outcome = (&mut under_way.syncing).await;
    let reached = checkpoint.take().map(|checkpoint| checkpoint.reached);
    outcome.and(reached.ok_or_else(|| StoreError::Unavailable("a checkpoint is gone".into())))
}
