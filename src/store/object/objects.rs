//! The object store and the tables beside it, as one value.

use std::fmt;
use std::sync::Arc;

use super::bucket::Bucket;
use super::budget::Budget;
use super::limits::Limits;
use crate::store::postgres::Postgres;

/// Bytes in a bucket, with rows in PostgreSQL. Clones are the same store.
#[derive(Clone)]
pub struct Objects(pub(super) Arc<Shared>);

/// What all uploads of a process share.
pub(super) struct Shared {
    pub(super) store: Arc<Postgres>,
    pub(super) bucket: Bucket,
    pub(super) limits: Limits,
    pub(super) budget: Budget,
}

impl Objects {
    /// The bytes in this bucket, of the records in this store.
    pub fn new(store: Arc<Postgres>, bucket: Bucket, limits: Limits) -> Self {
        let budget = Budget::of(limits.memory);
        Self(Arc::new(Shared { store, bucket, limits, budget }))
    }
}

impl fmt::Debug for Objects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Objects").field("bucket", &self.0.bucket).finish_non_exhaustive()
    }
}
