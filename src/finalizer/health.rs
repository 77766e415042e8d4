//! Whether messages can be made at all. A fault that keeps *every* upload from being finished is no upload's
//! fault, and clients and proxies that send uploads here should know of it.

use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use super::Finalizer;
use crate::store::StoreError;
use crate::upload::UploadId;

/// How long an answer is used, so that asking more often makes no more work.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// The last answer, and the time of it.
#[derive(Debug, Default)]
pub(super) struct Health(Mutex<Option<(Instant, Ability)>>);

/// Whether messages can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ability {
    /// Messages can be made.
    Able,
    /// Messages can be made only once there is room.
    NoRoom,
    /// Messages cannot be made, and the log says why.
    Unable,
}

impl Finalizer {
    /// Tries out what every message takes: reading records, and moving a file to a message's place.
    pub async fn ability(&self) -> Ability {
        let mut last = self.health.0.lock().await;
        if let Some((at, ability)) = *last
            && at.elapsed() < ASK_AGAIN
        {
            return ability;
        }
        let was = last.map(|(_, ability)| ability);
        let ability = match self.try_out().await {
            Ok(()) => Ability::Able,
            Err(StoreError::Full) => Ability::NoRoom,
            Err(error) => {
                if was != Some(Ability::Unable) {
                    tracing::error!(%error, "no message can be made");
                }
                Ability::Unable
            }
        };
        if was == Some(Ability::Unable) && ability == Ability::Able {
            tracing::info!("messages can be made again");
        }
        *last = Some((Instant::now(), ability));
        ability
    }

    async fn try_out(&self) -> Result<(), StoreError> {
        // No record has this id; what counts is that the records can answer.
        self.stores.records.find(UploadId::from(uuid::Uuid::nil())).await?;
        self.stores.payloads.probe().await
    }
}
