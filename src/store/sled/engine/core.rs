//! The open store that the ports share. It ends when the last of them is dropped.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use tokio::sync::{mpsc, oneshot};

use super::checkpoints::Checkpoints;
use super::committer::{self, Committer, Operation};
use super::database::Database;
use super::layered::Layered;
use super::layout::Layout;
use super::open::OpenError;
use super::outside::Outside;
use super::view::View;
use crate::message::MessageIds;
use crate::metrics;
use crate::store::{Durability, StoreError};

/// The database and the way to its committer.
pub(crate) struct Core {
    database: Arc<Database>,
    /// The committer's inbox; `None` only while the store is being dropped.
    inbox: Option<mpsc::Sender<Box<dyn Operation>>>,
    checkpoints: Arc<Checkpoints>,
    /// The threads, the committer first.
    threads: Vec<JoinHandle<()>>,
}

/// The answer to an operation that was submitted.
pub(crate) struct Answer<T>(oneshot::Receiver<Result<T, StoreError>>);

impl Core {
    pub(crate) fn open(
        folder: &Path,
        durability: Durability,
        layout: &'static Layout,
        outside: Option<Arc<dyn Outside>>,
    ) -> Result<Self, OpenError> {
        let io = |source| OpenError::Io { folder: folder.to_owned(), source };
        let mut random = [0; 32];
        getrandom::fill(&mut random).map_err(|error| io(io::Error::other(error)))?;
        let (database, journal) = Database::open(folder, durability, layout, outside)?;
        let (database, checkpoints) = (Arc::new(database), Arc::new(Checkpoints::default()));
        // The changes that the journal still held are on their way, or there were none.
        metrics::get().checkpointed();
        if database.is_frozen() {
            checkpoints.want();
        }
        let checkpointer = spawn("checkpointer", {
            let (database, checkpoints) = (Arc::clone(&database), Arc::clone(&checkpoints));
            move || {
                let rest = |worked| checkpoints.rest(worked, database.active_bytes());
                checkpoints.run(|| database.flush(&rest));
            }
        });
        let (sender, inbox) = mpsc::channel(committer::INBOX);
        let ids = MessageIds::new(random);
        let (shared, orders) = (Arc::clone(&database), Arc::clone(&checkpoints));
        let committer = Committer { database: shared, journal, checkpoints: orders, ids };
        let thread = spawn("committer", move || committer.run(inbox));
        let threads = vec![thread.map_err(io)?, checkpointer.map_err(io)?];
        Ok(Self { database, inbox: Some(sender), checkpoints, threads })
    }

    /// Reads rows that are durable.
    pub(crate) async fn read<T>(
        &self,
        look: impl Fn(&Layered<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.database.read(look).await
    }

    /// Has an operation committed, and answers once it is durable. It is carried out even if the caller no
    /// longer waits for the answer. Other operations that were submitted and are not answered yet may come
    /// after it.
    pub(crate) async fn change<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut View<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.submit(work).await?.wait().await
    }

    /// Hands an operation to the committer, after those that were handed over before.
    pub(crate) async fn submit<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut View<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<Answer<T>, StoreError> {
        let (operation, answer) = committer::operation(work);
        let inbox = self.inbox.as_ref().ok_or_else(closed)?;
        inbox.send(operation).await.map_err(|_| closed())?;
        Ok(Answer(answer))
    }
}

impl<T> Answer<T> {
    /// Waits until the operation is durable, or was refused.
    pub(crate) async fn wait(self) -> Result<T, StoreError> {
        self.0.await.unwrap_or_else(|_| Err(closed()))
    }
}

impl Drop for Core {
    /// Ends the committer when all operations are answered, then the checkpointer; then sled is closed. What
    /// sled has not got is in the journal.
    fn drop(&mut self) {
        self.inbox = None;
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread of the store panicked");
            }
            self.checkpoints.end();
        }
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    thread::Builder::new().name(name.into()).spawn(work)
}

fn closed() -> StoreError {
    StoreError::Unavailable("the store is closed".into())
}
