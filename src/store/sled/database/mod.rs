//! The open database: sled, the changes above it that sled has not got yet, and the journal that has them.
//!
//! **Nobody is told what is not durable.** A group becomes visible when the journal has it, so whatever a reader
//! sees is durable, and no reader waits.
//!
//! ```text
//!  group ─► journal ─► active changes ─► frozen changes ─► sled
//!           durable    visible           (the journal      the journal's
//!                                        has turned)       file is free
//! ```
//! The committer carries the first two steps out, the checkpointer the last, at its own pace.
//!
//! **What fails, and what is done about it**
//!
//! | failing | what may be on the disk | done |
//! | --- | --- | --- |
//! | writing the journal | nothing of the group | the group is refused |
//! | syncing the journal | who knows: the kernel shows what the disk does not have | closed for good |
//! | sled, disk full | some of the frozen changes | opened again, and given all of them once more, until there is room |
//! | sled, otherwise | likewise | closed for good; the next start gives it the changes once more |
//!
//! sled remembers its first error and repeats it for ever; dropping and opening it is what clears a full disk.

use std::fs::File;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use sled::Db;
use tokio::sync::watch;

use super::changes::Changes;
use super::fault;
use super::journal::{Found, Journal};
use super::layered::Layered;
use super::open::{self, OpenError, Opened};
use crate::store::{Durability, StoreError};

pub(super) struct Database {
    folder: PathBuf,
    durability: Durability,
    /// sled's flush does not sync on Linux; this descriptor of its file does.
    file: File,
    state: RwLock<State>,
    /// Counts how often sled was opened again or closed for good.
    changed: watch::Sender<u64>,
    /// The folder's, against other processes.
    _lock: File,
}

struct State {
    stored: Stored,
    /// On the way to sled.
    frozen: Option<Arc<Changes>>,
    active: Changes,
}

enum Stored {
    Open(Db),
    Reopening,
    Closed(StoreError),
}

impl Database {
    /// Opens the folder; the journal is the committer's.
    pub(super) fn open(folder: &Path, durability: Durability) -> Result<(Self, Journal), OpenError> {
        let Opened { db, lock, file, journal, found } = open::open(folder, durability)?;
        let Found { earlier, later } = found;
        let frozen = (!earlier.is_empty()).then(|| Arc::new(earlier));
        let state = State { stored: Stored::Open(db), frozen, active: later };
        let database = Self {
            folder: folder.to_owned(),
            durability,
            file,
            state: RwLock::new(state),
            changed: watch::Sender::new(0),
            _lock: lock,
        };
        Ok((database, journal))
    }

    /// Reads what is durable. Only while sled is opened again does that take a moment.
    pub(super) async fn read<T>(
        &self,
        look: impl Fn(&Layered<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut changed = self.changed.subscribe();
        loop {
            if let Some(seen) = self.look(&look)? {
                return seen;
            }
            changed.changed().await.map_err(|_| StoreError::Unavailable("the store is closed".into()))?;
        }
    }

    /// `None` while sled is opened again.
    fn look<T>(
        &self,
        look: impl FnOnce(&Layered<'_>) -> Result<T, StoreError>,
    ) -> Result<Option<Result<T, StoreError>>, StoreError> {
        let state = self.state();
        match &state.stored {
            Stored::Open(db) => Ok(Some(look(&state.layered(db)))),
            Stored::Reopening => Ok(None),
            Stored::Closed(why) => Err(fault::copy(why)),
        }
    }

    /// What is stored, for the committer, which alone changes it.
    pub(super) fn with<T>(&self, work: impl FnOnce(Layered<'_>) -> T) -> Result<T, StoreError> {
        match self.look(|stored| Ok(work(*stored)))? {
            Some(seen) => seen,
            None => Err(StoreError::Unavailable("the records are being opened again".into())),
        }
    }

    /// Makes a group visible that the journal has.
    pub(super) fn show(&self, changes: Changes) {
        self.state_mut().active.merge(changes);
    }

    /// The bytes of the active changes.
    pub(super) fn active_bytes(&self) -> usize {
        self.state().active.bytes()
    }

    /// Whether changes are on their way to sled.
    pub(super) fn is_frozen(&self) -> bool {
        self.state().frozen.is_some()
    }

    /// Sends the active changes on their way. Those before them have arrived.
    pub(super) fn freeze(&self) {
        let mut state = self.state_mut();
        state.frozen = Some(Arc::new(mem::take(&mut state.active)));
    }

    /// Gives sled the frozen changes, durably. Whatever it has of them already it gets once more.
    ///
    /// # Errors
    /// [`StoreError::Full`]: sled was opened again, and it may be tried again. After any other the database is
    /// closed.
    pub(super) fn checkpoint(&self) -> Result<(), StoreError> {
        let (frozen, db) = {
            let state = self.state();
            match (&state.frozen, &state.stored) {
                (None, _) => return Ok(()),
                (Some(frozen), Stored::Open(db)) => (Arc::clone(frozen), db.clone()),
                (Some(_), Stored::Closed(why)) => return Err(fault::copy(why)),
                (Some(_), Stored::Reopening) => return self.reopen().and_then(|()| self.checkpoint()),
            }
        };
        match quietly(|| store(&db, &frozen)).and_then(|()| self.sync()) {
            Ok(()) => {
                let arrived = self.state_mut().frozen.take();
                // Many rows, and nobody should wait for the lock meanwhile.
                drop((frozen, arrived));
                Ok(())
            }
            Err(StoreError::Full) => {
                drop(db);
                self.put_away();
                self.reopen()?;
                Err(StoreError::Full)
            }
            Err(error) => {
                self.close(&error);
                Err(error)
            }
        }
    }

    fn sync(&self) -> Result<(), StoreError> {
        if self.durability.syncs() { Ok(self.file.sync_data()?) } else { Ok(()) }
    }

    /// Opens sled again, for readers that wait.
    fn reopen(&self) -> Result<(), StoreError> {
        let opened = open::open_db(&self.folder).map_err(StoreError::from)?;
        self.state_mut().stored = Stored::Open(opened);
        self.changed.send_modify(|count| *count += 1);
        tracing::info!("the records were opened again");
        Ok(())
    }

    /// Closes it for good: until the next start every request is refused.
    pub(super) fn close(&self, why: &StoreError) {
        tracing::error!(%why, "the records are closed");
        let closed = Stored::Closed(StoreError::Unavailable(format!("the records are closed: {why}")));
        let before = mem::replace(&mut self.state_mut().stored, closed);
        // What sled still holds is not written: half of it would be worse than nothing of it.
        mem::forget(before);
        self.changed.send_modify(|count| *count += 1);
    }

    /// Closes sled to open it again; readers wait meanwhile.
    fn put_away(&self) {
        drop_quietly(mem::replace(&mut self.state_mut().stored, Stored::Reopening));
    }

    /// What sled panics over under the lock is caught under it.
    fn state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn state_mut(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn layered<'a>(&'a self, db: &'a Db) -> Layered<'a> {
        Layered::new(&self.active, self.frozen.as_deref(), db)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        drop_quietly(mem::replace(&mut state.stored, Stored::Reopening));
    }
}

fn store(db: &Db, changes: &Changes) -> sled::Result<()> {
    for (key, row) in changes.iter() {
        match row {
            Some(row) => db.insert(key, row.clone())?,
            None => db.remove(key)?,
        };
    }
    db.flush().map(|_| ())
}

/// sled's panics as errors.
fn quietly<T>(work: impl FnOnce() -> sled::Result<T>) -> Result<T, StoreError> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(outcome) => outcome.map_err(fault::of),
        Err(panic) => Err(StoreError::Unavailable(fault::of_panic(panic.as_ref()))),
    }
}

/// sled syncs when it is dropped, and panics if that fails; everything acknowledged is in the journal.
fn drop_quietly(stored: Stored) {
    if catch_unwind(AssertUnwindSafe(|| drop(stored))).is_err() {
        tracing::error!("closing the records failed");
    }
}

#[cfg(test)]
mod tests;
