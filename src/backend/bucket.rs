//! Records in PostgreSQL, bytes in an object store: any number of processes share them. The data folder has
//! only what is this process's own.

use std::sync::Arc;
use std::time::Duration;

use super::{Backend, BackendError, between, refuse_half_moved};
use crate::config::Config;
use crate::data_folder::DataFolder;
use crate::store::object::{Bucket, Limits, Objects, S3};
use crate::store::postgres::{Address, Connections, Postgres, PostgresNode};
use crate::store::{Dependency as _, Durability, Duties, Duty, StoreError};

/// The most connections to the database at once. None is held while a body comes, so a few serve many.
const CONNECTIONS: usize = 16;
/// What the note of a folder says.
const NAME: &str = "bucket";
/// How often it is looked for what is to go from the bucket, and how much goes at a time.
const COLLECT_EVERY: Duration = Duration::from_secs(10);
const COLLECT: usize = 100;
/// How long after its start a process looks for what no row knows, and how often.
const RECONCILE_AFTER: Duration = Duration::from_secs(10 * 60);
const RECONCILE_EVERY: Duration = Duration::from_secs(6 * 60 * 60);
/// The pause after each folder of the bucket: it is looked for with a few requests a second.
const RECONCILE_PAUSE: Duration = Duration::from_millis(500);

/// Opens the database at this address, and the bucket beside it.
pub(super) async fn open(config: &Config, address: &Address, s3: &S3) -> Result<Backend, BackendError> {
    let folder = DataFolder::open(&config.data_dir, NAME)?;
    let connections = Connections::to(address, CONNECTIONS).map_err(failed)?;
    let store = Arc::new(Postgres::open(connections.clone()).await.map_err(failed)?);
    let limits = Limits::default();
    let bucket = Bucket::of(s3, limits.part_timeout).map_err(failed)?;
    let objects = Objects::new(store.clone(), bucket, limits);
    let node = Arc::new(PostgresNode::start(connections.clone()).await?);
    if let Err(refusal) = refuse_half_moved(&store).await {
        // Otherwise the move would take it for one that serves.
        node.stop().await?;
        return Err(refusal);
    }
    tokio::spawn(collect(objects.clone()));
    tokio::spawn(look_around(objects.clone()));
    tokio::spawn(reconcile(objects.clone(), node.clone()));
    let (between, mut dependencies) = between::start(config, connections, &store).await?;
    dependencies.push(Arc::new(objects.clone()));
    Ok(Backend {
        folder,
        durability: Durability::Power,
        alone: None,
        records: store.clone(),
        messages: store.clone(),
        memberships: store,
        leases: node.clone(),
        duties: node.clone(),
        hints: node,
        payloads: Arc::new(objects.clone()),
        appends: Arc::new(objects),
        between: Some(between),
        dependencies,
    })
}

fn failed(error: impl std::error::Error + Send + Sync + 'static) -> BackendError {
    BackendError::Records(error.into())
}

/// Frees what is due in the bucket, beside the requests, for as long as the process lives.
async fn collect(objects: Objects) {
    if !objects.answers().await {
        tracing::error!("the bucket does not answer: bytes wait in the database, and no message is made");
    } else if matches!(objects.belongs().await, Ok(false)) {
        tracing::error!(
            "the bucket is not that of this database: what it lacks is waited for, and nothing in it is freed"
        );
    }
    loop {
        match objects.collect(COLLECT).await {
            Ok(COLLECT..) => continue,
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "what is to go from the bucket stays for now"),
        }
        tokio::time::sleep(COLLECT_EVERY).await;
    }
}

/// Looks how much waits in the database. In a task of its own: what is to be freed may take long while the
/// object store is away, and then this bound counts.
async fn look_around(objects: Objects) {
    loop {
        if let Err(error) = objects.look_around().await {
            tracing::debug!(%error, "what waits in the database is not measured");
        }
        tokio::time::sleep(COLLECT_EVERY).await;
    }
}

/// Frees what is in the bucket and no row knows, a few times a day, if that is this process's duty.
async fn reconcile(objects: Objects, duties: Arc<dyn Duties>) {
    tokio::time::sleep(RECONCILE_AFTER).await;
    loop {
        match reconciled(&objects, &*duties).await {
            Ok(0) => {}
            Ok(count) => tracing::warn!(count, "what a crash left behind in the bucket is freed"),
            Err(error) => {
                tracing::warn!(%error, "what a crash may have left behind in the bucket stays for now")
            }
        }
        tokio::time::sleep(RECONCILE_EVERY).await;
    }
}

async fn reconciled(objects: &Objects, duties: &dyn Duties) -> Result<usize, StoreError> {
    if duties.is_mine(Duty::Leftovers).await? { objects.reconcile(RECONCILE_PAUSE).await } else { Ok(0) }
}
