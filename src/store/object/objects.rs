//! The object store and the tables beside it, as one value.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use super::bucket::Bucket;
use super::budget::Budget;
use super::limits::Limits;
use super::missed::Missed;
use super::presence::Presence;
use crate::store::postgres::Postgres;
use crate::store::{Dependency, StoreError};

/// Bytes in a bucket, with rows in PostgreSQL. Clones are the same store.
#[derive(Clone)]
pub struct Objects(pub(super) Arc<Shared>);

/// What all uploads of a process share.
pub(super) struct Shared {
    pub(super) store: Arc<Postgres>,
    pub(super) bucket: Bucket,
    pub(super) limits: Limits,
    pub(super) budget: Budget,
    pub(super) presence: Presence,
    pub(super) missed: Missed,
}

impl Objects {
    /// The bytes in this bucket, of the records in this store.
    pub fn new(store: Arc<Postgres>, bucket: Bucket, limits: Limits) -> Self {
        let (budget, presence, missed) = (Budget::of(limits.memory), Presence::new(), Missed::default());
        Self(Arc::new(Shared { store, bucket, limits, budget, presence, missed }))
    }

    /// Looks how much of the database the tails take, and whether an object store that was away answers
    /// again. To be done every now and then: where no bytes come, no put finds that out.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn look_around(&self) -> Result<(), StoreError> {
        if self.0.presence.is_away() && self.0.bucket.answers().await {
            self.0.presence.works();
        }
        self.measure().await
    }
}

#[async_trait]
impl Dependency for Objects {
    fn name(&self) -> &'static str {
        "bucket"
    }

    /// While it is away, bytes go on into the tails, as long as these have room.
    fn is_needed(&self) -> bool {
        self.0.presence.is_at_its_end()
    }

    async fn answers(&self) -> bool {
        !self.0.presence.is_away() && self.0.bucket.answers().await
    }
}

impl fmt::Debug for Objects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Objects").field("bucket", &self.0.bucket).finish_non_exhaustive()
    }
}
