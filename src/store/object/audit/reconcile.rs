//! What no row knows, freed by a server beside its requests.

use std::time::Duration;

use super::folders;
use crate::store::StoreError;
use crate::store::object::objects::Objects;
use crate::store::object::owner::Take;

impl Objects {
    /// Makes garbage of everything in the bucket that no row knows; answers how much that was. Nothing is
    /// touched in a bucket that belongs to another database. Each of 256 folders is followed by a pause.
    ///
    /// # Errors
    /// [`StoreError`]; what was not come to is found in the next round.
    pub async fn reconcile(&self, pause: Duration) -> Result<usize, StoreError> {
        let shared = &self.0;
        if !shared.is_own(Take::IfKnown).await? {
            tracing::error!("the bucket is not that of this database: what no row knows stays in it");
            return Ok(0);
        }
        let mut count = 0;
        for folder in folders() {
            let leftovers = shared.leftovers(&folder).await?;
            for leftover in &leftovers {
                tracing::info!(%leftover, "left behind in the bucket, and freed now");
                shared.dispose(leftover).await?;
            }
            count += leftovers.len();
            tokio::time::sleep(pause).await;
        }
        Ok(count)
    }
}
