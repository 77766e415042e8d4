//! The open store, of which the ports are.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use super::engine::core::Core;
use super::engine::open::OpenError;
use super::engine::view::View;
use super::tables::carried::{self, CarriedFiles};
use super::tables::keys::LAYOUT;
use super::tables::uploads::{self, Unwritten};
use crate::store::embedded::{Carried, Files};
use crate::store::{Durability, StoreError};
use crate::upload::UploadId;

/// The embedded store of records, messages and memberships. When it and every
/// [`SledPayloads`](super::SledPayloads) of it are dropped, what was asked of them is made durable and the
/// folder is closed.
pub struct SledStore {
    pub(super) core: Arc<Core>,
    /// Whether it carries bytes of files, and where they went.
    pub(super) carries: bool,
}

impl SledStore {
    /// Opens the store in a folder of its own, which is made if it is missing, and starts the thread that
    /// commits.
    ///
    /// # Errors
    /// [`OpenError`] if the folder is in use, damaged, or not accessible. Nothing is deleted.
    pub fn open(folder: &Path, durability: Durability) -> Result<Self, OpenError> {
        let core = Core::open(folder, durability, &LAYOUT, None)?;
        Ok(Self { core: Arc::new(core), carries: false })
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
        Ok(Self { core: Arc::new(core), carries: durability.syncs() })
    }

    /// Everything that it carries for files.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn carried(&self) -> Result<Vec<Carried>, StoreError> {
        self.core.read(carried::all).await
    }

    /// Carries out a change that may drop the upload's ledger. That can have a row for every second of a week: a long
    /// one is first cut down in bounded steps; a kill between them leaves the end, which is all that counts.
    pub(super) async fn change_with_ledger(
        &self,
        id: UploadId,
        work: impl FnOnce(&mut View<'_>) -> Result<(), Unwritten> + Clone + Send + 'static,
    ) -> Result<(), StoreError> {
        loop {
            let work = work.clone();
            let attempt = move |view: &mut View<'_>| match work(view) {
                Err(Unwritten::LongLedger) => {
                    view.undo();
                    Ok(false)
                }
                outcome => Ok(outcome.map(|()| true)?),
            };
            if self.core.change(attempt).await? {
                return Ok(());
            }
            while self.core.change(move |view| uploads::shorten_ledger(view, id)).await? {}
        }
    }
}

impl fmt::Debug for SledStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SledStore")
    }
}
