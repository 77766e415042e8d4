//! The open store, of which the ports are.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use super::engine::core::Core;
use super::engine::open::OpenError;
use super::tables::carried::{self, CarriedFiles};
use super::tables::keys::LAYOUT;
use crate::store::{Carried, Durability, Files, StoreError};

/// The embedded store of records, messages and memberships. When it and every
/// [`SledPayloads`](super::SledPayloads) of it are dropped, what was asked of them is made durable and the folder is
/// closed.
pub struct SledStore {
    pub(super) core: Arc<Core>,
    /// The most bytes that are carried with a row.
    pub(super) carries: usize,
}

impl SledStore {
    /// Opens the store in a folder of its own, which is made if it is missing, and starts the thread that
    /// commits.
    ///
    /// # Errors
    /// [`OpenError`] if the folder is in use, damaged, or not accessible. Nothing is deleted.
    pub fn open(folder: &Path, durability: Durability) -> Result<Self, OpenError> {
        let core = Core::open(folder, durability, &LAYOUT, None)?;
        Ok(Self { core: Arc::new(core), carries: 0 })
    }

    /// Opens it as the store that carries small bytes of these files, and gives them what it carried when it
    /// was open the last time.
    ///
    /// # Errors
    /// As [`SledStore::open`], and if the files do not take it.
    pub fn open_beside(
        files: Arc<dyn Files>,
        folder: &Path,
        durability: Durability,
    ) -> Result<Self, OpenError> {
        let core = Core::open(folder, durability, &LAYOUT, Some(Arc::new(CarriedFiles(files))))?;
        let carries = if durability.syncs() { carried::MOST_BYTES } else { 0 };
        Ok(Self { core: Arc::new(core), carries })
    }

    /// Everything that it carries for files.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn carried(&self) -> Result<Vec<Carried>, StoreError> {
        self.core.read(carried::all).await
    }
}

impl fmt::Debug for SledStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SledStore")
    }
}
