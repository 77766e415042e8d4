//! The open database: the memtables, sled below them, and the handling of failures.
//!
//! | failing | what may be on the disk | done |
//! | --- | --- | --- |
//! | writing the journal | nothing of the group | the group is refused |
//! | syncing the journal | unknown: the kernel shows what the disk does not have | closed for good |
//! | opening what is to be settled, for want of descriptors | nothing; the journal has it | tried again |
//! | settling it | unknown; the journal has it | closed for good; the next start does it once more |
//! | flushing, disk nearly full | nothing of the frozen memtable | left as it is until there is room |
//! | flushing, disk full all the same | some of it | opened again, and flushed once more |
//! | flushing, otherwise | some of it | closed for good; the next start flushes it once more |
//!
//! sled remembers its first error and repeats it for ever. Only dropping it and opening it again clears the
//! error of a full disk.

use std::fs::File;
use std::io;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use sled::Db;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::checkpoints::Pieces;
use super::fault;
use super::journal::{Found, Journal};
use super::key::Key;
use super::layered::Layered;
use super::layout::Layout;
use super::memtable::{Change, Memtable};
use super::open::{self, OpenError, Opened};
use super::outside::Outside;
use super::runs;
use crate::crash;
use crate::metrics;
use crate::store::{Durability, StoreError};

/// The free space that a flush needs: more than sled may take, because a disk that fills up in the middle of
/// it costs opening sled again.
const ROOM_FOR_A_FLUSH: u64 = 16 * 1024 * 1024;

/// How long a reader waits for sled to be opened again after an attempt found the disk full: some attempts.
const PATIENCE_WHEN_FULL: Duration = Duration::from_secs(1);

pub(super) struct Database {
    folder: PathBuf,
    durability: Durability,
    layout: &'static Layout,
    /// The port to what volatile rows stand for, if there may be any.
    outside: Option<Arc<dyn Outside>>,
    /// sled's file, to sync it: sled's own flush does not sync on Linux.
    file: File,
    state: RwLock<State>,
    /// How often sled was opened again or closed for good.
    changed: watch::Sender<u64>,
    /// The lock of the folder, against other processes.
    _lock: File,
}

struct State {
    stored: Stored,
    /// The frozen memtable, which is on its way to sled.
    frozen: Option<Arc<Memtable>>,
    active: Memtable,
}

impl State {
    fn say_how_much_is_ahead(&self) {
        let bytes = self.active.bytes() + self.frozen.as_ref().map_or(0, |frozen| frozen.bytes());
        metrics::get().journal_bytes.set(u64::try_from(bytes).unwrap_or(u64::MAX));
    }
}

enum Stored {
    Open(Db),
    /// sled is closed, and will be opened again in a moment, unless that failed the last time.
    Reopening(Option<StoreError>),
    Closed(StoreError),
}

impl Database {
    /// Opens the folder; the journal is the committer's.
    pub(super) fn open(
        folder: &Path,
        durability: Durability,
        layout: &'static Layout,
        outside: Option<Arc<dyn Outside>>,
    ) -> Result<(Self, Journal), OpenError> {
        let Opened { db, lock, file, journal, found } = open::open(folder, durability, layout)?;
        let Found { mut earlier, later } = found;
        let frozen = (journal.turned() > journal.flushed()).then(|| {
            mark(&mut earlier, journal.turned(), layout);
            Arc::new(earlier)
        });
        let state = State { stored: Stored::Open(db), frozen, active: later };
        let database = Self {
            folder: folder.to_owned(),
            durability,
            layout,
            outside,
            file,
            state: RwLock::new(state),
            changed: watch::Sender::new(0),
            _lock: lock,
        };
        if let Some(outside) = &database.outside {
            let restored = database.with(|stored| outside.restore(&stored));
            restored.and_then(|restored| restored).map_err(|error| OpenError::of(folder, error))?;
        }
        Ok((database, journal))
    }

    /// Reads rows that are durable. That takes a moment only while sled is opened again; on a full disk, it
    /// may have to be tried again.
    pub(super) async fn read<T>(
        &self,
        look: impl Fn(&Layered<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut changed = self.changed.subscribe();
        let mut until = None;
        loop {
            let change = match self.look(&look) {
                Ok(Some(seen)) => return seen,
                Ok(None) => changed.changed().await,
                Err(StoreError::Full) => {
                    let until = *until.get_or_insert_with(|| Instant::now() + PATIENCE_WHEN_FULL);
                    timeout_at(until, changed.changed()).await.map_err(|_| StoreError::Full)?
                }
                Err(error) => return Err(error),
            };
            change.map_err(|_| StoreError::Unavailable("the store is closed".into()))?;
        }
    }

    /// Looks at the rows; `None` while sled is opened again.
    fn look<T>(
        &self,
        look: impl FnOnce(&Layered<'_>) -> Result<T, StoreError>,
    ) -> Result<Option<Result<T, StoreError>>, StoreError> {
        let state = self.state();
        match &state.stored {
            Stored::Open(db) => Ok(Some(look(&state.layered(db, self.layout)))),
            Stored::Reopening(None) => Ok(None),
            Stored::Reopening(Some(why)) | Stored::Closed(why) => Err(fault::copy(why)),
        }
    }

    /// The stored rows, for the committer, which alone changes them.
    pub(super) fn with<T>(&self, work: impl FnOnce(Layered<'_>) -> T) -> Result<T, StoreError> {
        match self.look(|stored| Ok(work(*stored)))? {
            Some(seen) => seen,
            // sled is opened again only after a full disk.
            None => Err(StoreError::Full),
        }
    }

    /// Makes a group visible that is in the journal.
    pub(super) fn show(&self, changes: Memtable) {
        let mut state = self.state_mut();
        state.active.merge(changes);
        state.say_how_much_is_ahead();
    }

    /// The bytes of the active memtable.
    pub(super) fn active_bytes(&self) -> usize {
        self.state().active.bytes()
    }

    /// Whether there is a frozen memtable.
    pub(super) fn is_frozen(&self) -> bool {
        self.state().frozen.is_some()
    }

    /// Freezes the active memtable, which ends with this record of the journal. The one frozen before was
    /// flushed.
    pub(super) fn freeze(&self, record: u64) {
        let mut state = self.state_mut();
        let mut changes = mem::take(&mut state.active);
        mark(&mut changes, record, self.layout);
        state.frozen = Some(Arc::new(changes));
    }

    /// Flushes the frozen memtable to sled, durably, with a rest after each piece of work. Rows that sled has
    /// already are written once more.
    ///
    /// # Errors
    /// [`StoreError::Full`], or files that cannot be opened: the flush may be tried again. After any other
    /// error the database is closed.
    pub(super) fn flush(&self, rest: &dyn Fn(Duration)) -> Result<(), StoreError> {
        let open = {
            let state = self.state();
            match (&state.frozen, &state.stored) {
                (None, _) => return Ok(()),
                (Some(frozen), Stored::Open(db)) => Some((Arc::clone(frozen), db.clone())),
                (Some(_), Stored::Closed(why)) => return Err(fault::copy(why)),
                (Some(_), Stored::Reopening(_)) => None,
            }
        };
        let Some((frozen, db)) = open else {
            // Without the lock, which opening takes.
            return self.reopen().and_then(|()| self.flush(rest));
        };
        if self.room()? < ROOM_FOR_A_FLUSH {
            return Err(StoreError::Full);
        }
        self.settle(&frozen)?;
        match quietly(|| store(runs::Stored { tree: &db, layout: self.layout }, &frozen, Pieces::new(rest)))
            .and_then(|()| self.sync())
        {
            Ok(()) => {
                let arrived = {
                    let mut state = self.state_mut();
                    let arrived = state.frozen.take();
                    state.say_how_much_is_ahead();
                    arrived
                };
                metrics::get().checkpointed();
                // The memtable has many rows, and readers should not wait for the lock while it is dropped.
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

    /// Settles outside of the store what the volatile rows stand for, before the journal forgets the rows.
    fn settle(&self, frozen: &Memtable) -> Result<(), StoreError> {
        let Some(outside) = &self.outside else { return Ok(()) };
        let volatile = frozen.iter().map(|(key, _)| key).filter(|key| (self.layout.is_volatile)(key));
        let volatile: Vec<&Key> = volatile.collect();
        if volatile.is_empty() {
            return Ok(());
        }
        outside.settle(&volatile).inspect_err(|error| match error {
            StoreError::Unavailable(why) => tracing::warn!(why, "nothing is synced for the moment"),
            error => self.close(error),
        })?;
        crash::point("checkpoint.settled");
        Ok(())
    }

    fn sync(&self) -> Result<(), StoreError> {
        if self.durability.syncs() { Ok(self.file.sync_data()?) } else { Ok(()) }
    }

    /// How much space the file system has left.
    fn room(&self) -> Result<u64, StoreError> {
        let stat = rustix::fs::statvfs(&self.folder).map_err(io::Error::from)?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }

    /// Opens sled again, for readers that wait; if that fails, they get the error.
    fn reopen(&self) -> Result<(), StoreError> {
        let opened = open::open_db(&self.folder).map_err(StoreError::from);
        let (stored, outcome) = match opened {
            Ok(db) => (Stored::Open(db), Ok(())),
            Err(error) => (Stored::Reopening(Some(fault::copy(&error))), Err(error)),
        };
        self.state_mut().stored = stored;
        self.changed.send_modify(|count| *count += 1);
        if outcome.is_ok() {
            tracing::info!("the records were opened again");
        }
        outcome
    }

    /// Closes the database for good: until the next start every request is refused.
    pub(super) fn close(&self, why: &StoreError) {
        tracing::error!(%why, "the records are closed");
        let closed = Stored::Closed(StoreError::Unavailable(format!("the records are closed: {why}")));
        let before = mem::replace(&mut self.state_mut().stored, closed);
        // What sled still holds is not written: half of it would be worse than nothing.
        mem::forget(before);
        self.changed.send_modify(|count| *count += 1);
    }

    /// Closes sled to open it again; readers wait meanwhile.
    fn put_away(&self) {
        drop_quietly(mem::replace(&mut self.state_mut().stored, Stored::Reopening(None)));
    }

    fn state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read()
    }

    fn state_mut(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write()
    }
}

impl State {
    fn layered<'a>(&'a self, db: &'a Db, layout: &'static Layout) -> Layered<'a> {
        Layered::new(&self.active, self.frozen.as_deref(), runs::Stored { tree: db, layout })
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        drop_quietly(mem::replace(&mut self.state.get_mut().stored, Stored::Reopening(None)));
    }
}

/// Marks a memtable: with it, sled has everything up to this record of the journal.
fn mark(memtable: &mut Memtable, record: u64, layout: &Layout) {
    memtable.insert(Key::from_slice(layout.flushed), Change::put(record.to_be_bytes().as_slice()));
}

fn store(stored: runs::Stored<'_>, frozen: &Memtable, mut pieces: Pieces<'_>) -> sled::Result<()> {
    let (tree, layout) = (stored.tree, stored.layout);
    let mut members = Vec::new();
    for (key, row) in frozen.iter().filter(|(key, _)| !(layout.is_volatile)(key)) {
        if (layout.suffix_of_set)(key).is_some() {
            members.push((key, row.is_some()));
            continue;
        }
        // Written before the rows after them: the last row says that everything else was flushed.
        stored.write(&mem::take(&mut members), || pieces.pause())?;
        match row {
            Some(row) => tree.insert(key, row.clone())?,
            None => tree.remove(key)?,
        };
        pieces.pause();
    }
    stored.write(&members, || pieces.pause())?;
    tree.flush().map(|_| ())
}

/// Does work on sled, and answers its panics as errors.
fn quietly<T>(work: impl FnOnce() -> sled::Result<T>) -> Result<T, StoreError> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(outcome) => outcome.map_err(fault::of),
        Err(panic) => Err(StoreError::Unavailable(fault::of_panic(panic.as_ref()))),
    }
}

/// Drops sled, which then syncs, and panics if that fails; everything acknowledged is in the journal.
fn drop_quietly(stored: Stored) {
    if catch_unwind(AssertUnwindSafe(|| drop(stored))).is_err() {
        tracing::error!("closing the records failed");
    }
}

#[cfg(test)]
mod tests;
