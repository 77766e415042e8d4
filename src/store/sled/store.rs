//! The open store, which implements the ports.

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
    /// Whether the store carries bytes of files, and the places that files went to.
    pub(super) carries: bool,
}

impl SledStore {
    /// Opens the store in a folder of its own, which is made if it is missing, and starts the committer's
    /// thread.
    ///
    /// # Errors
    /// [`OpenError`] if the folder is in use, damaged, or not accessible. Nothing is deleted.
    pub fn open(folder: &Path, durability: Durability) -> Result<Self, OpenError> {
        let core = Core::open(folder, durability, &LAYOUT, None)?;
        Ok(Self { core: Arc::new(core), carries: false })
    }

    /// Opens the store that carries small bytes of these files, and gives the files what it carried when it
    /// was last open.
    ///
    /// # Errors
    /// The errors of [`SledStore::open`], and those of the files if they do not accept what was carried.
    pub fn open_beside(
        files: Arc<dyn Files>,
        folder: &Path,
        durability: Durability,
    ) -> Result<Self, OpenError> {
        let core = Core::open(folder, durability, &LAYOUT, Some(Arc::new(CarriedFiles(files))))?;
        Ok(Self { core: Arc::new(core), carries: durability.syncs() })
    }

    /// Everything that the store carries for files.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn carried(&self) -> Result<Vec<Carried>, StoreError> {
        self.core.read(carried::all).await
    }

    /// Makes a change that may drop the upload's ledger, which can have a row for every second of a week. A
    /// long ledger is first shortened in bounded steps; a kill between them leaves its end, which is all that
    /// counts.
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
