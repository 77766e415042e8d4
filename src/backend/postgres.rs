//! Records in PostgreSQL, bytes in files of one data folder. One process at a time has the folder, so nothing
//! goes between processes: a relay would cost a connection, and a way over the database for each event.

use std::fs::File;
use std::sync::Arc;

use rustix::fs::{FlockOperation, flock};
use uuid::Uuid;

use super::{Backend, BackendError, refuse_half_moved};
use crate::config::Config;
use crate::data_folder::{DataFolder, FolderError};
use crate::store::disk::Disk;
use crate::store::postgres::{Address, Connections, Postgres, PostgresNode};
use crate::store::{Payloads, Synced};

/// The most connections to the database at once. None is held while a body comes, so a few serve many.
const CONNECTIONS: usize = 16;
/// What the note of a folder says before its id.
const NAME: &str = "postgres";

/// Opens the database at this address, and the folder that belongs to it.
pub(super) async fn open(config: &Config, address: &Address) -> Result<Backend, BackendError> {
    let connections = Connections::to(address, CONNECTIONS).map_err(failed)?;
    let store = Arc::new(Postgres::open(connections.clone()).await.map_err(failed)?.alone());
    refuse_half_moved(&store).await?;
    let folder = folder(config, &store).await?;
    let alone = lock(&folder)?;
    let durability = folder.durability(config.durability)?;
    let disk = Disk::open(folder.path(), durability, config.reserve).map_err(|error| folder.unfit(error))?;
    let node = Arc::new(PostgresNode::alone(connections).await?);
    let payloads: Arc<dyn Payloads> = Arc::new(disk);
    Ok(Backend {
        folder,
        durability,
        alone: Some(alone),
        records: store.clone(),
        messages: store.clone(),
        memberships: store.clone(),
        leases: node.clone(),
        duties: node.clone(),
        hints: node,
        appends: Arc::new(Synced::new(Arc::clone(&payloads), store.clone())),
        payloads,
        between: None,
        dependencies: vec![store],
    })
}

/// The database of a folder that no server has open, and what keeps servers out of the folder.
pub(super) async fn look(
    folder: &DataFolder,
    id: Uuid,
    address: &Address,
) -> Result<(Postgres, File), BackendError> {
    let lock = lock(folder)?;
    let store = Postgres::over(Connections::to(address, 1).map_err(failed)?);
    if store.folder().await? != Some(id) {
        return Err(BackendError::AnotherFolder(folder.path().display().to_string()));
    }
    Ok((store, lock))
}

/// The id of a folder whose records are in a database, as its note says.
pub(super) fn id_of(payload: &str) -> Option<Uuid> {
    payload.strip_prefix(NAME)?.trim().parse().ok()
}

fn failed(error: impl std::error::Error + Send + Sync + 'static) -> BackendError {
    BackendError::Records(error.into())
}

/// The data folder, which belongs to the database from its first use on: its note has the id that the
/// database has. The note is written first, so a kill in between leaves a folder that still belongs to none.
async fn folder(config: &Config, store: &Postgres) -> Result<DataFolder, BackendError> {
    let belongs = store.folder().await?;
    let noted = match DataFolder::look(&config.data_dir) {
        Ok((_, payload)) => Some(payload),
        Err(FolderError::Foreign { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    let own = noted.as_deref().and_then(id_of);
    let id = match (belongs, own, noted.is_some()) {
        (Some(belongs), Some(own), _) if belongs == own => own,
        (Some(_), _, _) => return Err(BackendError::AnotherFolder(config.data_dir.display().to_string())),
        (None, own, _) => own.unwrap_or_else(Uuid::new_v4),
    };
    let folder = DataFolder::open(&config.data_dir, &format!("{NAME} {id}"))?;
    if store.belong(id).await? != Some(id) {
        return Err(BackendError::AnotherFolder(config.data_dir.display().to_string()));
    }
    Ok(folder)
}

/// Keeps other processes out of the folder, as long as the file lives.
fn lock(folder: &DataFolder) -> Result<File, BackendError> {
    let in_use = |_| BackendError::InUse(folder.path().display().to_string());
    let file = File::open(folder.path().join("format")).map_err(|error| folder.unfit(error))?;
    flock(&file, FlockOperation::NonBlockingLockExclusive).map_err(in_use)?;
    Ok(file)
}
