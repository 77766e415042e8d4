//! Records, messages and memberships in sled, embedded in the process; bytes of small uploads too.
//!
//! ```text
//!  records  messages  memberships  payload     what the ports ask for, as operations and reads
//!      uploads  claims                         rules that several of them share
//!  keys  rows  view                            tables in one tree, and a group's changes above it
//!      committer  database  open               one thread writes, anyone reads, nobody is told too early
//! ```
//! Every change is an operation that the committer evaluates and makes durable together with those that wait at
//! the same time; every read goes to sled directly and waits until what it saw is durable.

mod claims;
mod committer;
mod database;
mod fault;
mod keys;
mod memberships;
mod messages;
mod open;
mod records;
mod rows;
mod uploads;
mod view;

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use ::sled::Tree;
use tokio::sync::mpsc;

pub use open::OpenError;

use super::{Durability, StoreError};
use crate::message::MessageIds;
use committer::{Committer, Operation};
use database::Database;
use view::View;

/// The embedded store of records, messages and memberships. Dropping it makes everything durable that was asked
/// of it, and closes the folder.
pub struct SledStore {
    database: Arc<Database>,
    /// `None` only while being dropped.
    inbox: Option<mpsc::Sender<Box<dyn Operation>>>,
    committer: Option<JoinHandle<()>>,
}

impl SledStore {
    /// Opens the store in a folder of its own, which is made if it is missing, and starts the thread that
    /// commits.
    ///
    /// # Errors
    /// [`OpenError`] if the folder is in use, damaged, or not accessible. Nothing is deleted.
    pub fn open(folder: &Path, durability: Durability) -> Result<Self, OpenError> {
        let io = |source| OpenError::Io { folder: folder.to_owned(), source };
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(|error| io(io::Error::other(error)))?;
        let database = Arc::new(Database::open(folder, durability)?);
        let (sender, inbox) = mpsc::channel(committer::INBOX);
        let committer = Committer { database: Arc::clone(&database), inbox, ids: MessageIds::new(random) };
        let thread = thread::Builder::new().name("committer".into()).spawn(|| committer.run()).map_err(io)?;
        Ok(Self { database, inbox: Some(sender), committer: Some(thread) })
    }

    /// Reads, and answers once everything that was read is durable. `look` may run more than once.
    async fn read<T>(&self, look: impl Fn(&Tree) -> Result<T, StoreError>) -> Result<T, StoreError> {
        self.database.read(look).await
    }

    /// Has an operation committed, and answers once it is durable. It is carried out even if nobody waits for
    /// the answer any more.
    async fn change<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut View<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let closed = || StoreError::Unavailable("the store is closed".into());
        let (operation, answer) = committer::operation(work);
        let inbox = self.inbox.as_ref().ok_or_else(closed)?;
        inbox.send(operation).await.map_err(|_| closed())?;
        answer.await.unwrap_or_else(|_| Err(closed()))
    }
}

impl Drop for SledStore {
    fn drop(&mut self) {
        // The thread ends when the last sender is gone and everything that was sent is answered.
        self.inbox = None;
        if let Some(committer) = self.committer.take()
            && committer.join().is_err()
        {
            tracing::error!("the committer panicked");
        }
    }
}

impl fmt::Debug for SledStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SledStore")
    }
}
