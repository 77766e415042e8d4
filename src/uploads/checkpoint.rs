//! A sync that is under way while more is received.

use std::future::pending;

use futures_util::future::BoxFuture;

use crate::store::StoreError;
use crate::upload::DigestState;

/// The sync of all bytes before an offset, and their digest. Dropped, the sync goes on.
pub(super) struct Checkpoint {
    pub(super) syncing: BoxFuture<'static, Result<Option<DigestState>, StoreError>>,
    pub(super) offset: u64,
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
    let digest = (&mut under_way.syncing).await;
    let offset = under_way.offset;
    *checkpoint = None;
    Ok(Reached { offset, digest: digest? })
}
