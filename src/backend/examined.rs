//! The contents of a folder that no server has open, as `longhaul check` reads them: without a change.

use std::fmt;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use super::{BackendError, postgres};
use crate::data_folder::DataFolder;
use crate::message::{Message, MessageId};
use crate::store::disk::Disk;
use crate::store::embedded::Carried;
use crate::store::postgres::{Address, Postgres};
use crate::store::sled::{SledCopy, SledPayloads, SledStore};
use crate::store::{Payloads, StoreError};
use crate::upload::{Upload, UploadId};

/// A folder's records and bytes.
pub struct Examined {
    folder: DataFolder,
    records: Records,
    payloads: Arc<dyn Payloads>,
    disk: Option<Disk>,
}

/// The records, which no server changes meanwhile.
enum Records {
    Copy(SledCopy),
    Database { store: Box<Postgres>, _lock: File },
}

impl Examined {
    /// Opens this folder for reading. No other process opens it as long as this value exists.
    ///
    /// # Errors
    /// [`BackendError`]
    pub async fn of(data: &Path, database: Option<&Address>) -> Result<Self, BackendError> {
        let (folder, payload) = DataFolder::look(data)?;
        if let Some(id) = postgres::id_of(&payload) {
            let (store, lock) =
                postgres::look(&folder, id, database.ok_or(BackendError::InDatabase)?).await?;
            let disk = Disk::look(folder.path());
            let (payloads, disk) = (Arc::new(disk.clone()), Some(disk));
            return Ok(Self {
                folder,
                records: Records::Database { store: Box::new(store), _lock: lock },
                payloads,
                disk,
            });
        }
        let copy = SledCopy::of(&folder.records()).map_err(|error| BackendError::Records(error.into()))?;
        let disk = Disk::look(folder.path());
        let (payloads, disk): (Arc<dyn Payloads>, _) = match payload.as_str() {
            "disk" => (Arc::new(disk.clone()), Some(disk)),
            "sled" => (Arc::new(SledPayloads::new(copy.store(), folder.path(), 0, u64::MAX)), None),
            _ => return Err(BackendError::Payload(payload)),
        };
        Ok(Self { folder, records: Records::Copy(copy), payloads, disk })
    }

    /// The port to the bytes.
    pub fn payloads(&self) -> &dyn Payloads {
        self.payloads.as_ref()
    }

    /// The data folder, in which each message has a folder, if bytes are kept in files.
    pub fn folders(&self) -> Option<&Path> {
        self.disk.is_some().then(|| self.folder.path())
    }

    /// The records, if they are in the folder.
    pub fn embedded(&self) -> Option<&SledStore> {
        match &self.records {
            Records::Copy(copy) => Some(copy.store()),
            Records::Database { .. } => None,
        }
    }

    /// Files in the folder of parts that are not parts.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be listed.
    pub fn foreign_parts(&self) -> Result<Vec<String>, StoreError> {
        Ok(self.disk.as_ref().map_or_else(|| Ok(Vec::new()), Disk::foreign_parts)?)
    }

    /// Compares every index with the rows that it leads to, both ways, every ledger with its upload, and the
    /// sums with the records. Hands each disagreement to `fault`.
    ///
    /// # Errors
    /// [`StoreError`] if the records cannot be read at all.
    pub async fn audit(&self, fault: impl FnMut(String)) -> Result<(), StoreError> {
        match &self.records {
            Records::Copy(copy) => copy.store().audit(fault).await,
            Records::Database { store, .. } => store.audit(fault).await,
        }
    }

    /// Hands every upload to `each`, in the order of their ids, or the error why it cannot be read.
    ///
    /// # Errors
    /// [`StoreError`] if the records cannot be read at all.
    pub async fn every_upload(
        &self,
        each: impl FnMut(UploadId, Result<Upload, StoreError>),
    ) -> Result<(), StoreError> {
        match &self.records {
            Records::Copy(copy) => copy.store().every_upload(each).await,
            Records::Database { store, .. } => store.every_upload(each).await,
        }
    }

    /// Hands every message to `each`, in the order of their ids, or the error why it cannot be read.
    ///
    /// # Errors
    /// [`StoreError`] if the records cannot be read at all.
    pub async fn every_message(
        &self,
        each: impl FnMut(MessageId, Result<Message, StoreError>),
    ) -> Result<(), StoreError> {
        match &self.records {
            Records::Copy(copy) => copy.store().every_message(each).await,
            Records::Database { store, .. } => store.every_message(each).await,
        }
    }

    /// The bytes that the next start will write to files before anything else.
    ///
    /// # Errors
    /// [`StoreError`] if the records cannot be read.
    pub async fn carried(&self) -> Result<Vec<Carried>, StoreError> {
        match &self.records {
            Records::Copy(copy) => copy.store().carried().await,
            Records::Database { .. } => Ok(Vec::new()),
        }
    }
}

impl fmt::Debug for Examined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Examined").field("folder", &self.folder).finish_non_exhaustive()
    }
}
