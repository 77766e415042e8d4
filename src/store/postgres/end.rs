//! Ends of uploads: final states, and removals.

use async_trait::async_trait;

use super::change::{Change, Tx};
use super::fault::Fault;
use super::seen::{self, Beside};
use super::write;
use crate::upload::{Epoch, State, UploadId, Weight};

/// Moves an upload to a final state.
pub(super) struct End<'a> {
    pub(super) id: UploadId,
    pub(super) seen: Epoch,
    pub(super) from: &'a State,
    pub(super) to: &'a State,
}

/// Removes the record of an upload.
pub(super) struct Remove {
    pub(super) id: UploadId,
    pub(super) seen: Epoch,
}

#[async_trait]
impl Change for End<'_> {
    type Answer = ();

    async fn make(&self, tx: &Tx) -> Result<(), Fault> {
        let seen = seen::existing(tx, self.id, Beside::default()).await?;
        let ended = seen.upload.clone().end(self.seen, self.from, self.to)?;
        if ended.state == State::Expired {
            write::release(tx, &seen.upload).await?;
        }
        write::replace(tx, &seen, &ended).await
    }
}

#[async_trait]
impl Change for Remove {
    type Answer = ();

    async fn make(&self, tx: &Tx) -> Result<(), Fault> {
        let Some(seen) = seen::look(tx, self.id, Beside::default()).await? else { return Ok(()) };
        seen.upload.removable(self.seen)?;
        write::release(tx, &seen.upload).await?;
        if !seen.is_used {
            write::reweigh(tx, &seen.upload.owner, seen.upload.weight(), Weight::NONE).await?;
        }
        write::delete(tx, self.id).await
    }
}
