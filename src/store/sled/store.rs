//! The open store, which implements the ports.

use std::path::Path;
use std::sync::Arc;
use std::{fmt, io, thread};

use super::engine::core::Core;
use super::engine::open::OpenError;
use super::engine::view::View;
use super::tables::carried::{self, CarriedFiles};
use super::tables::keys::{self, LAYOUT};
use super::tables::sums;
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
        Self { core: Arc::new(core), carries: false }.with_sums(folder)
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
        Self { core: Arc::new(core), carries: durability.syncs() }.with_sums(folder)
    }

    /// The store, once it has the sums over unfinished uploads. They are made on a thread of its own, because
    /// the caller may be within a runtime, which cannot wait.
    fn with_sums(self, folder: &Path) -> Result<Self, OpenError> {
        let work = || tokio::runtime::Builder::new_current_thread().build()?.block_on(self.sum_up());
        let panicked = |_| Err(io::Error::other("the sums could not be made").into());
        let outcome = thread::scope(|scope| scope.spawn(work).join().unwrap_or_else(panicked));
        outcome.map_err(|error| OpenError::of(folder, error))?;
        Ok(self)
    }

    /// Makes the sums of a folder that has none, before anything changes them. The last one says that all are
    /// there; after a kill before that, the next opening sets them again.
    async fn sum_up(&self) -> Result<(), StoreError> {
        if self.core.read(|rows| sums::missing(rows)).await?.is_some() {
            return Ok(());
        }
        let mut start = keys::every_unfinished();
        let end = keys::end_of(&start);
        loop {
            let next =
                self.core.read(|rows| rows.rows(start.clone()..end.clone()).next().transpose()).await?;
            let Some(owner) = next.and_then(|(key, _)| keys::owner_at_start(&key)) else { break };
            let own = keys::unfinished_of(&owner);
            let held = self.core.read(|rows| uploads::sums_of(rows, &own)).await?.held;
            self.core.change(move |view| sums::put_held(view, &owner, held)).await?;
            start = keys::end_of(&own);
        }
        let missing = self.core.read(|rows| uploads::sums_of(rows, &keys::every_unfinished())).await?.missing;
        self.core.change(move |view| sums::put_missing(view, missing)).await
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
