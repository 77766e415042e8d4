//! One process and one folder. Records are in sled; bytes are in files, or in sled as well where all of them
//! are few.

use std::sync::Arc;

use super::{Backend, BackendError};
use crate::config::{Config, Payload};
use crate::data_folder::{DataFolder, FolderError};
use crate::store::disk::Disk;
use crate::store::embedded::Carrying;
use crate::store::local::{Alone, LocalLeases};
use crate::store::sled::{SledPayloads, SledStore};
use crate::store::{Appends, Durability, Payloads, Synced};

/// Opens the folder of the settings. The records come after the files, some of which they may have to write
/// again.
pub(super) fn open(config: &Config) -> Result<Backend, BackendError> {
    let folder = DataFolder::open(&config.data_dir, name_of(config.payload))?;
    let durability = folder.durability(config.durability)?;
    let disk = disk(config, &folder, durability)?;
    let store = SledStore::open_beside(disk.files(), &folder.records(), durability)
        .map_err(|error| BackendError::Records(error.into()))?;
    let store = Arc::new(store);
    let payloads: Arc<dyn Payloads> = match config.payload {
        Payload::Disk => Arc::new(disk.clone()),
        Payload::Sled { max_bytes } => {
            Arc::new(SledPayloads::new(&store, folder.path(), config.reserve, max_bytes))
        }
    };
    let appends: Arc<dyn Appends> = match config.payload {
        Payload::Disk if durability.syncs() => Arc::new(Carrying::new(disk, store.clone())),
        _ => Arc::new(Synced::new(payloads.clone(), store.clone())),
    };
    Ok(Backend {
        folder,
        durability,
        alone: None,
        records: store.clone(),
        messages: store.clone(),
        memberships: store,
        leases: Arc::new(LocalLeases::default()),
        duties: Arc::new(Alone),
        hints: Arc::new(Alone),
        payloads,
        appends,
        between: None,
        dependencies: Vec::new(),
    })
}

/// The name of this payload store in the folder's note.
fn name_of(payload: Payload) -> &'static str {
    match payload {
        Payload::Disk => "disk",
        Payload::Sled { .. } => "sled",
    }
}

/// The files of the folder. Where bytes are kept in sled, only the files that are there from before.
fn disk(config: &Config, folder: &DataFolder, durability: Durability) -> Result<Disk, FolderError> {
    if config.payload != Payload::Disk {
        return Ok(Disk::look(folder.path()));
    }
    Disk::open(folder.path(), durability, config.reserve).map_err(|error| folder.unfit(error))
}
