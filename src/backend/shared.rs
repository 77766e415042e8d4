//! What servers share, for a command beside them: a database and a bucket.

use std::sync::Arc;

use super::BackendError;
use crate::store::object::{Bucket, Limits, Objects, S3};
use crate::store::postgres::{Address, Connections, Postgres};

/// The most connections to the database at once.
const CONNECTIONS: usize = 4;

/// A database and a bucket that servers share, and may serve meanwhile.
#[derive(Debug)]
pub struct Shared {
    /// Records, messages and memberships.
    pub records: Arc<Postgres>,
    /// The bytes.
    pub objects: Objects,
}

impl Shared {
    /// The database and the bucket at these addresses. The tables have to be there.
    ///
    /// # Errors
    /// [`BackendError`]
    pub async fn look(database: &Address, bucket: &S3) -> Result<Self, BackendError> {
        let records = Postgres::over(Connections::to(database, CONNECTIONS).map_err(failed)?);
        // Says what is wrong with the address before anything is compared.
        records.cluster().await?;
        Self::of(records, bucket)
    }

    /// The database and the bucket at these addresses. The tables are made if they are missing.
    ///
    /// # Errors
    /// [`BackendError`]
    pub async fn open(database: &Address, bucket: &S3) -> Result<Self, BackendError> {
        let connections = Connections::to(database, CONNECTIONS).map_err(failed)?;
        Self::of(Postgres::open(connections).await.map_err(failed)?, bucket)
    }

    fn of(records: Postgres, bucket: &S3) -> Result<Self, BackendError> {
        let (records, limits) = (Arc::new(records), Limits::default());
        let bucket = Bucket::of(bucket, limits.part_timeout).map_err(failed)?;
        let objects = Objects::new(Arc::clone(&records), bucket, limits);
        Ok(Self { records, objects })
    }
}

fn failed(error: impl std::error::Error + Send + Sync + 'static) -> BackendError {
    BackendError::Records(error.into())
}
