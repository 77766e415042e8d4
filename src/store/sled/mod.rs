//! Records, messages and memberships in sled, embedded in the process; bytes of small uploads too.
//!
//! ```text
//!  records  messages  memberships  payload     what the ports ask for, as operations and reads
//!      uploads  claims  carried    blocks      rules that several of them share
//!  keys  rows  runs  view  layered  changes    tables in one tree, and changes above it
//!  core  committer  checkpoints                one thread makes groups durable, one gives them to sled
//!  database  journal  open  write_through      what is durable, and where
//!  audit  copy                                 reading all of it offline
//! ```
//! Every change is an operation that the committer evaluates and makes durable together with those that wait at
//! the same time, in a journal; sled gets many of them at once, later. Every read sees both.

mod audit;
mod blocks;
mod carried;
mod changes;
mod checkpoints;
mod claims;
mod committer;
mod copy;
mod core;
mod database;
mod fault;
mod journal;
mod keys;
mod layered;
mod memberships;
mod messages;
mod open;
mod order;
mod payload;
mod records;
mod rows;
mod runs;
#[cfg(test)]
mod tests;
mod uploads;
mod view;
mod write_through;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

#[cfg(fuzzing)]
pub use journal::fuzz_record;

pub use audit::Fault;
pub use copy::SledCopy;
pub use open::OpenError;
pub use payload::SledPayloads;
pub use write_through::why_not_written_through;

use self::core::Core;
use super::{Carried, Durability, Files, StoreError};

/// The embedded store of records, messages and memberships. When it and every [`SledPayloads`] of it are
/// dropped, what was asked of them is made durable and the folder is closed.
pub struct SledStore {
    core: Arc<Core>,
}

impl SledStore {
    /// Opens the store in a folder of its own, which is made if it is missing, and starts the thread that
    /// commits.
    ///
    /// # Errors
    /// [`OpenError`] if the folder is in use, damaged, or not accessible. Nothing is deleted.
    pub fn open(folder: &Path, durability: Durability) -> Result<Self, OpenError> {
        Ok(Self { core: Arc::new(Core::open(folder, durability, None)?) })
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
        Ok(Self { core: Arc::new(Core::open(folder, durability, Some(files))?) })
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
