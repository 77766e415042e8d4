//! The open database: read from anywhere, changed by the committer alone, and opened again in place when the
//! disk was full.
//!
//! **Nobody is told what is not durable.** A group of changes is applied, which readers see, and made durable
//! some milliseconds later. Applying gives the group a number under the lock that readers share; a reader takes
//! the number with what it read, and waits until that number is durable before it answers. That lock also makes
//! what a reader reads in several steps one state.
//!
//! **What fails, and what is done about it**
//!
//! | failing | what may be on the disk | done |
//! | --- | --- | --- |
//! | applying, disk full | nothing of the group | opened again |
//! | applying, otherwise | half a group, once sled writes it | sled is forgotten, so that it does not; the store is closed for good |
//! | flushing | the whole group or nothing | opened again |
//! | syncing | who knows: the kernel shows what the disk does not have | closed for good |
//!
//! sled remembers its first error and repeats it for ever; dropping and opening it is what clears a full disk.
//! Readers that wait for a group that failed read again from what was opened anew.

use std::fs::File;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use sled::{Db, Tree};
use tokio::sync::watch;

use super::fault;
use super::open::{self, OpenError, Opened};
use super::view::Changes;
use crate::store::{Durability, StoreError};

pub(super) struct Database {
    folder: PathBuf,
    durability: Durability,
    /// sled's flush does not sync on Linux; this descriptor of its file does.
    file: File,
    slot: RwLock<Slot>,
    durable: watch::Sender<Mark>,
    /// The folder's, against other processes.
    _lock: File,
}

enum Slot {
    Open { db: Db, applied: Mark },
    Reopening,
    Closed { why: StoreError, for_good: bool },
}

/// A state of the database: how often it was opened again before, and its last group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
struct Mark {
    generation: u64,
    group: u64,
}

/// What became of opening again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reopened {
    Yes,
    NotYet,
    Never,
}

enum Look<T> {
    Seen(Result<T, StoreError>, Mark),
    Reopening,
}

impl Database {
    pub(super) fn open(folder: &Path, durability: Durability) -> Result<Self, OpenError> {
        let Opened { db, lock, file } = open::open(folder, durability)?;
        let first = Mark { generation: 0, group: 0 };
        Ok(Self {
            folder: folder.to_owned(),
            durability,
            file,
            slot: RwLock::new(Slot::Open { db, applied: first }),
            durable: watch::Sender::new(first),
            _lock: lock,
        })
    }

    /// Reads, and answers once everything that was read is durable. `look` may run more than once.
    pub(super) async fn read<T>(
        &self,
        look: impl Fn(&Tree) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut durable = self.durable.subscribe();
        loop {
            let changed = match self.look(&look)? {
                Look::Seen(seen, at) => match durable.wait_for(|now| *now >= at).await.map(|now| *now) {
                    Ok(now) if now.generation == at.generation => return seen,
                    changed => changed.map(|_| ()),
                },
                Look::Reopening => durable.changed().await,
            };
            changed.map_err(|_| StoreError::Unavailable("the store is closed".into()))?;
        }
    }

    fn look<T>(&self, look: impl Fn(&Tree) -> Result<T, StoreError>) -> Result<Look<T>, StoreError> {
        match &*self.slot() {
            Slot::Open { db, applied } => Ok(Look::Seen(look(db), *applied)),
            Slot::Reopening => Ok(Look::Reopening),
            Slot::Closed { why, .. } => Err(StoreError::Unavailable(why.to_string())),
        }
    }

    /// What is stored, for the committer, which alone changes it.
    pub(super) fn with<T>(&self, work: impl FnOnce(&Tree) -> T) -> Result<T, StoreError> {
        match &*self.slot() {
            Slot::Open { db, .. } => Ok(work(db)),
            Slot::Reopening => Err(StoreError::Unavailable("the records are being opened again".into())),
            Slot::Closed { why, .. } => Err(fault::copy(why)),
        }
    }

    /// Makes a group's changes durable, all of them or none. After an error the database is closed or being
    /// reopened.
    pub(super) fn commit(&self, changes: &Changes) -> Result<(), StoreError> {
        let applied = self.apply(changes)?;
        self.flush()?;
        self.sync()?;
        self.durable.send_replace(applied);
        Ok(())
    }

    fn apply(&self, changes: &Changes) -> Result<Mark, StoreError> {
        let mut slot = self.slot_mut();
        let Slot::Open { db, applied } = &mut *slot else {
            return Err(StoreError::Unavailable("the records are not open".into()));
        };
        applied.group += 1;
        let error = match quietly(|| db.apply_batch(changes.batch())) {
            Ok(()) => return Ok(*applied),
            Err(error) => error,
        };
        // Before the lock is let go, so that no reader sees half a group.
        match error {
            StoreError::Full => self.put_away(slot),
            _ => {
                let why = StoreError::Unavailable(format!("applying failed: {error}"));
                mem::forget(mem::replace(&mut *slot, Slot::Closed { why, for_good: true }));
                self.call_off();
            }
        }
        Err(error)
    }

    fn flush(&self) -> Result<(), StoreError> {
        let outcome = self.with(|tree| quietly(|| tree.flush().map(|_| ())))?;
        if outcome.is_err() {
            self.put_away(self.slot_mut());
        }
        outcome
    }

    fn sync(&self) -> Result<(), StoreError> {
        if !self.durability.syncs() {
            return Ok(());
        }
        self.file.sync_data().map_err(|error| {
            self.close(StoreError::Unavailable(format!("syncing failed: {error}")), true);
            error.into()
        })
    }

    /// Opens the database again. What is found then is durable before anyone reads it.
    pub(super) fn reopen(&self) -> Reopened {
        if matches!(&*self.slot(), Slot::Closed { for_good: true, .. }) {
            return Reopened::Never;
        }
        let opened = open::open_db(&self.folder).map_err(StoreError::from);
        let db = match opened.and_then(|db| quietly(|| db.flush()).map(|_| db)) {
            Ok(db) => db,
            Err(why) => {
                self.close(why, false);
                return Reopened::NotYet;
            }
        };
        if self.sync().is_err() {
            return Reopened::Never;
        }
        let Mark { generation, group } = *self.durable.borrow();
        let found = Mark { generation: generation + 1, group };
        *self.slot_mut() = Slot::Open { db, applied: found };
        // After the slot: whoever is woken has to find it open.
        self.durable.send_replace(found);
        tracing::info!("the records were opened again");
        Reopened::Yes
    }

    fn close(&self, why: StoreError, for_good: bool) {
        let text = why.to_string();
        let before = mem::replace(&mut *self.slot_mut(), Slot::Closed { why, for_good });
        // An attempt to open it again that fails like the one before is no news.
        if !matches!(before, Slot::Closed { .. }) {
            tracing::error!(why = text, for_good, "the records are closed");
        }
        drop_quietly(before);
        self.call_off();
    }

    /// Closes sled to open it again; readers wait meanwhile.
    fn put_away(&self, mut slot: RwLockWriteGuard<'_, Slot>) {
        let before = mem::replace(&mut *slot, Slot::Reopening);
        drop(slot);
        drop_quietly(before);
    }

    /// Wakes the readers that wait for a group which will never be durable.
    fn call_off(&self) {
        self.durable.send_modify(|mark| mark.generation += 1);
    }

    /// What sled panics over under the lock is caught under it.
    fn slot(&self) -> RwLockReadGuard<'_, Slot> {
        self.slot.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn slot_mut(&self) -> RwLockWriteGuard<'_, Slot> {
        self.slot.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let slot = self.slot.get_mut().unwrap_or_else(PoisonError::into_inner);
        drop_quietly(mem::replace(slot, Slot::Reopening));
    }
}

/// sled's panics as errors.
fn quietly<T>(work: impl FnOnce() -> sled::Result<T>) -> Result<T, StoreError> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(outcome) => outcome.map_err(fault::of),
        Err(panic) => Err(StoreError::Unavailable(fault::of_panic(panic.as_ref()))),
    }
}

/// sled syncs when it is dropped, and panics if that fails; everything acknowledged was synced before.
fn drop_quietly(slot: Slot) {
    if catch_unwind(AssertUnwindSafe(|| drop(slot))).is_err() {
        tracing::error!("closing the records failed");
    }
}

#[cfg(test)]
mod tests;
