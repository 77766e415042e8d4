//! Ends of uploads: final states, and removals.

use async_trait::async_trait;
use futures_util::try_join;

use super::change::{Change, Tx};
use super::client_ids;
use super::fault::Fault;
use super::seen::{self, Beside};
use super::uploads;
use crate::upload::{Epoch, State, UploadId};

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
        let release = async {
            if self.from.takes_back(&ended.state) {
                return client_ids::take_back(tx, &seen.upload).await;
            }
            let frees = ended.state == State::Expired;
            if frees { client_ids::release(tx, &seen.upload).await } else { Ok(()) }
        };
        try_join!(release, uploads::replace(tx, &seen, &ended))?;
        Ok(())
    }
}

#[async_trait]
impl Change for Remove {
    type Answer = ();

    async fn make(&self, tx: &Tx) -> Result<(), Fault> {
        let Some(seen) = seen::look(tx, self.id, Beside::default()).await? else { return Ok(()) };
        seen.upload.removable(self.seen)?;
        try_join!(client_ids::release(tx, &seen.upload), uploads::delete(tx, &seen))?;
        Ok(())
    }
}
