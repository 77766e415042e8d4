//! What is stored in a folder that no server has open, as `longhaul check` reads it: without a change.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use super::BackendError;
use crate::data_folder::DataFolder;
use crate::message::{Message, MessageId};
use crate::store::disk::Disk;
use crate::store::sled::{SledCopy, SledPayloads};
use crate::store::{Carried, Payloads, StoreError};
use crate::upload::{Upload, UploadId};

/// A folder's records and bytes.
pub struct Examined {
    folder: DataFolder,
    copy: SledCopy,
    payloads: Arc<dyn Payloads>,
    disk: Option<Disk>,
}

impl Examined {
    /// Those of this folder. Nobody else opens it as long as this is there.
    ///
    /// # Errors
    /// [`BackendError`]
    pub fn of(data: &Path) -> Result<Self, BackendError> {
        let (folder, payload) = DataFolder::look(data)?;
        let copy = SledCopy::of(&folder.records()).map_err(|error| BackendError::Records(error.into()))?;
        let disk = Disk::look(folder.path());
        let (payloads, disk): (Arc<dyn Payloads>, _) = match payload.as_str() {
            "disk" => (Arc::new(disk.clone()), Some(disk)),
            "sled" => (Arc::new(SledPayloads::new(copy.store(), folder.path(), 0, u64::MAX)), None),
            _ => return Err(BackendError::Payload(payload)),
        };
        Ok(Self { folder, copy, payloads, disk })
    }

    /// The bytes.
    pub fn payloads(&self) -> &dyn Payloads {
        self.payloads.as_ref()
    }

    /// The folder in which each message has one of its own, if bytes are kept in files.
    pub fn folders(&self) -> Option<&Path> {
        self.disk.is_some().then(|| self.folder.path())
    }

    /// Files among the parts that are no parts.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be listed.
    pub fn foreign_parts(&self) -> Result<Vec<String>, StoreError> {
        Ok(self.disk.as_ref().map_or_else(|| Ok(Vec::new()), Disk::foreign_parts)?)
    }

    /// Compares every index with the rows that it leads to, both ways, and every ledger with its upload. What does not
    /// agree is handed on.
    ///
    /// # Errors
    /// [`StoreError`] if the records cannot be read at all.
    pub async fn audit(&self, fault: impl FnMut(String)) -> Result<(), StoreError> {
        self.copy.store().audit(fault).await
    }

    /// Hands on every upload, in the order of their ids, or why it cannot be read.
    ///
    /// # Errors
    /// [`StoreError`] if the records cannot be read at all.
    pub async fn every_upload(
        &self,
        each: impl FnMut(UploadId, Result<Upload, StoreError>),
    ) -> Result<(), StoreError> {
        self.copy.store().every_upload(each).await
    }

    /// Hands on every message, in the order of their ids, or why it cannot be read.
    ///
    /// # Errors
    /// [`StoreError`] if the records cannot be read at all.
    pub async fn every_message(
        &self,
        each: impl FnMut(MessageId, Result<Message, StoreError>),
    ) -> Result<(), StoreError> {
        self.copy.store().every_message(each).await
    }

    /// What the next start will write to files before anything else.
    ///
    /// # Errors
    /// [`StoreError`] if the records cannot be read.
    pub async fn carried(&self) -> Result<Vec<Carried>, StoreError> {
        self.copy.store().carried().await
    }
}

impl fmt::Debug for Examined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Examined").field("folder", &self.folder).finish_non_exhaustive()
    }
}
