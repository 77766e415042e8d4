//! Opening the folder of the records with care. sled panics on some damage, takes a file that a kill left for
//! damage, and takes a log that it cannot read for an empty one, which it then writes over. So everything
//! that can be checked beforehand is, and a mark outside of sled says that there were rows.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use sled::Db;

use super::journal::{Found, Journal};
use super::key::number_at_end;
use super::layout::Layout;
use super::{fault, write_through};
use crate::store::{Durability, StoreError};

/// The size of sled's cache. Rows are read by prefix or by key and are small: it holds the hot ones of a busy
/// server.
const CACHE_BYTES: u64 = 32 * 1024 * 1024;
/// The row that every folder of ours has, and the text of the file that says so.
const FORMAT: &[u8] = b"longhaul records, format 2\n";
const MARKER: &str = "format";
/// How long sled may keep its file locked after it was closed, for work that it still has in hand.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// The reason why the records cannot be opened. No file was deleted.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process, or another store of this one, has the records open.
    #[error("{} is in use by another process", .0.display())]
    InUse(PathBuf),
    /// The records are not what was written. sled may have written over what it could not read: an operator
    /// who wants to save something of it works on a copy.
    #[error("{} is damaged: {what}. No file was deleted; put a backup in its place", folder.display())]
    Damaged {
        /// The folder.
        folder: PathBuf,
        /// The damage in words.
        what: String,
    },
    /// The operating system reported an error.
    #[error("{}: {source}", folder.display())]
    Io {
        /// The folder.
        folder: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
}

impl OpenError {
    /// An error of a store that is being opened.
    pub(crate) fn of(folder: &Path, error: StoreError) -> Self {
        let folder = folder.to_owned();
        match error {
            StoreError::Io(source) => Self::Io { folder, source },
            StoreError::Full => Self::Io { folder, source: io::ErrorKind::StorageFull.into() },
            error => Self::Damaged { folder, what: error.to_string() },
        }
    }

    /// The error, about the folder that an operator knows.
    pub(crate) fn about(self, folder: &Path) -> Self {
        let folder = folder.to_owned();
        match self {
            Self::InUse(_) => Self::InUse(folder),
            Self::Damaged { what, .. } => Self::Damaged { folder, what },
            Self::Io { source, .. } => Self::Io { folder, source },
        }
    }
}

impl From<OpenError> for StoreError {
    /// The error for readers that wait for a store that is opened again.
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Io { source, .. } => source.into(),
            OpenError::Damaged { .. } => Self::Damaged(error.to_string()),
            OpenError::InUse(_) => Self::Unavailable(error.to_string()),
        }
    }
}

/// An open folder.
pub(super) struct Opened {
    pub(super) db: Db,
    /// Held for as long as the store is open.
    pub(super) lock: File,
    /// sled's file, to be synced by us.
    pub(super) file: File,
    pub(super) journal: Journal,
    /// The changes that sled does not have yet.
    pub(super) found: Found,
}

/// Opens a folder, which is made if it is missing. A folder is marked once its rows are durable; without a
/// mark, no row is missed.
pub(super) fn open(
    folder: &Path,
    durability: Durability,
    layout: &'static Layout,
) -> Result<Opened, OpenError> {
    let io = |source| OpenError::Io { folder: folder.to_owned(), source };
    fs::create_dir_all(folder).map_err(io)?;
    let lock = lock(folder)?;
    let is_marked = is_marked(folder)?;
    let db = open_db(folder)?;
    let path = folder.join("db");
    let file = File::open(&path).map_err(io)?;
    write_through::set(&file, &path, durability);
    look_for_format(folder, &db, is_marked, layout)?;
    db.flush().map_err(|error| of(folder, error))?;
    if durability.syncs() {
        file.sync_all().and_then(|()| sync_names(folder)).map_err(io)?;
    }
    let (journal, found) =
        Journal::open(folder, is_marked, durability).map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData => damaged(folder, &error.to_string()),
            _ => io(error),
        })?;
    look_for_flushed(folder, &db, &journal, durability, layout)?;
    if !is_marked {
        mark(folder, durability).map_err(io)?;
    }
    Ok(Opened { db, lock, file, journal, found })
}

/// Opens sled's files in a folder that we hold.
pub(crate) fn open_db(folder: &Path) -> Result<Db, OpenError> {
    remove_unfinished_snapshots(folder)
        .map_err(|source| OpenError::Io { folder: folder.to_owned(), source })?;
    let config = sled::Config::new().path(folder).cache_capacity(CACHE_BYTES).flush_every_ms(None);
    let mut patience = LOCK_PATIENCE;
    loop {
        let opened = catch_unwind(AssertUnwindSafe(|| config.open())).map_err(|panic| {
            OpenError::Damaged { folder: folder.to_owned(), what: fault::of_panic(panic.as_ref()) }
        })?;
        match opened {
            // We hold the folder, so it is our own predecessor that has not released the lock yet.
            Err(error) if is_locked(&error) && !patience.is_zero() => {
                patience = patience.saturating_sub(LOCK_PAUSE);
                thread::sleep(LOCK_PAUSE);
            }
            Err(error) => return Err(of(folder, error)),
            Ok(db) => return Ok(db),
        }
    }
}

/// Removes snapshots that a kill left unfinished: sled would refuse to open with such a file, for ever. It
/// holds nothing that the log does not.
fn remove_unfinished_snapshots(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with("snap.") && name.ends_with(".generating") {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Locks the folder before anything is touched: deleting another process's unfinished snapshot would break
/// it.
pub(crate) fn lock(folder: &Path) -> Result<File, OpenError> {
    let io = |source| OpenError::Io { folder: folder.to_owned(), source };
    let lock = File::open(folder).map_err(io)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse(folder.to_owned())),
        Err(TryLockError::Error(source)) => Err(io(source)),
    }
}

/// Whether the folder is marked as one with our rows in it.
fn is_marked(folder: &Path) -> Result<bool, OpenError> {
    let is_marked = folder.join(MARKER).exists();
    let length = fs::metadata(folder.join("db")).map_or(0, |db| db.len());
    if is_marked && length == 0 {
        return Err(damaged(folder, "its file `db` is empty or gone"));
    }
    Ok(is_marked)
}

/// Checks that the rows are ours and there, as far as that can be told, and says in an empty folder that they
/// are.
fn look_for_format(folder: &Path, db: &Db, is_marked: bool, layout: &Layout) -> Result<(), OpenError> {
    match db.get(layout.format).map_err(|error| of(folder, error))? {
        Some(format) if format.as_ref() == FORMAT => Ok(()),
        Some(_) => Err(damaged(folder, "its format is not one that this version reads")),
        None if is_marked => Err(damaged(folder, "its rows are gone")),
        None if !db.is_empty() => Err(damaged(folder, "it holds the rows of something else")),
        None => db.insert(layout.format, FORMAT).map(|_| ()).map_err(|error| of(folder, error)),
    }
}

/// Checks that sled has everything that the journal says was flushed to it. sled cannot tell: a log that ends
/// early looks like one whose end was never written.
fn look_for_flushed(
    folder: &Path,
    db: &Db,
    journal: &Journal,
    durability: Durability,
    layout: &Layout,
) -> Result<(), OpenError> {
    let row = db.get(layout.flushed).map_err(|error| of(folder, error))?;
    let flushed = row.as_deref().and_then(number_at_end).unwrap_or_default();
    if flushed >= journal.flushed() {
        return Ok(());
    }
    if durability.syncs() {
        return Err(damaged(folder, "its latest rows are gone"));
    }
    // Without syncs a power cut may do that.
    tracing::error!("the latest rows are gone");
    Ok(())
}

/// Marks the folder, only once the rows that the mark vouches for are durable.
fn mark(folder: &Path, durability: Durability) -> io::Result<()> {
    let mut marker = File::create(folder.join(MARKER))?;
    marker.write_all(FORMAT)?;
    if durability.syncs() {
        marker.sync_all()?;
        sync_names(folder)?;
    }
    Ok(())
}

/// Syncs what names the files: sled's parameters, the folder, and the folder that it is in.
fn sync_names(folder: &Path) -> io::Result<()> {
    File::open(folder.join("conf"))?.sync_all()?;
    File::open(folder)?.sync_all()?;
    match folder.canonicalize()?.parent() {
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}

fn of(folder: &Path, error: sled::Error) -> OpenError {
    let folder = folder.to_owned();
    match error {
        error if is_locked(&error) => OpenError::InUse(folder),
        sled::Error::Io(source) => OpenError::Io { folder, source },
        error => OpenError::Damaged { folder, what: fault::of(error).to_string() },
    }
}

fn damaged(folder: &Path, what: &str) -> OpenError {
    OpenError::Damaged { folder: folder.to_owned(), what: what.to_owned() }
}

fn is_locked(error: &sled::Error) -> bool {
    matches!(error, sled::Error::Io(error) if error.to_string().starts_with("could not acquire lock"))
}
