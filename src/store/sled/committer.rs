//! The committer: one thread that makes everybody's changes durable, many at a time.
//!
//! ```text
//! operations ─► evaluated in order, on sled and the group's earlier changes
//!            ─► one batch ─► one flush ─► one sync ─► everyone is answered
//! ```
//! Each caller flushing by itself is ten times slower at sixteen callers, and sled's own ways of waiting together
//! deadlock. An operation that fails its check is answered with its group all the same: what it was refused for
//! may be what an earlier operation of the group changed.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::database::{Database, Reopened};
use super::fault;
use super::view::{Changes, View};
use crate::message::MessageIds;
use crate::store::StoreError;

/// Operations that wait to be taken into a group.
pub(super) const INBOX: usize = 1024;
/// Bounds of a group: large enough that the flush is shared by all who wait, small enough that it is short.
const GROUP_OPERATIONS: usize = 512;
const GROUP_BYTES: usize = 1024 * 1024;
/// Between attempts to open the database again.
const REOPEN_PAUSE: Duration = Duration::from_millis(250);

/// A change that somebody waits for.
pub(super) trait Operation: Send {
    /// Checks, and changes what the group is to write.
    fn evaluate(&mut self, view: &mut View<'_>);

    /// Answers, once the group is durable or has failed.
    fn answer(self: Box<Self>, committed: Result<(), StoreError>);
}

/// An operation with its outcome and the one who waits for it.
struct Job<F, T> {
    work: Option<F>,
    outcome: Option<Result<T, StoreError>>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

/// An operation, and where its answer will come.
pub(super) fn operation<T, F>(work: F) -> (Box<dyn Operation>, oneshot::Receiver<Result<T, StoreError>>)
where
    T: Send + 'static,
    F: FnOnce(&mut View<'_>) -> Result<T, StoreError> + Send + 'static,
{
    let (reply, answer) = oneshot::channel();
    (Box::new(Job { work: Some(work), outcome: None, reply }), answer)
}

impl<T, F> Operation for Job<F, T>
where
    T: Send,
    F: FnOnce(&mut View<'_>) -> Result<T, StoreError> + Send,
{
    fn evaluate(&mut self, view: &mut View<'_>) {
        self.outcome = self.work.take().map(|work| view.attempt(work));
    }

    fn answer(self: Box<Self>, committed: Result<(), StoreError>) {
        let outcome = match (committed, self.outcome) {
            (Ok(()), Some(outcome)) => outcome,
            (Ok(()), None) => Err(StoreError::Unavailable("the operation was not evaluated".into())),
            (Err(error), _) => Err(error),
        };
        // Whoever no longer waits has its change all the same.
        let _ = self.reply.send(outcome);
    }
}

/// The thread's work.
pub(super) struct Committer {
    pub(super) database: Arc<Database>,
    pub(super) inbox: mpsc::Receiver<Box<dyn Operation>>,
    pub(super) ids: MessageIds,
}

impl Committer {
    /// Commits groups until the last sender is gone and everything it sent is answered.
    pub(super) fn run(mut self) {
        while let Some(first) = self.inbox.blocking_recv() {
            let mut group = vec![first];
            let committed = self
                .evaluate(&mut group)
                .and_then(|changes| if changes.is_empty() { Ok(()) } else { self.database.commit(&changes) });
            // Back before anyone is told, so that whoever tries again finds it open.
            let is_open = committed.is_ok() || self.recover();
            answer(group, &committed);
            if !is_open && !self.wait_until_open() {
                return;
            }
        }
    }

    /// Takes in those that wait and evaluates them in order.
    fn evaluate(&mut self, group: &mut Vec<Box<dyn Operation>>) -> Result<Changes, StoreError> {
        let Self { database, inbox, ids } = self;
        database.with(|tree| {
            let mut view = View::new(tree, ids);
            group[0].evaluate(&mut view);
            while group.len() < GROUP_OPERATIONS && view.bytes() < GROUP_BYTES {
                let Ok(mut next) = inbox.try_recv() else { break };
                next.evaluate(&mut view);
                group.push(next);
            }
            view.into_changes()
        })
    }

    fn recover(&self) -> bool {
        self.database.reopen() == Reopened::Yes
    }

    /// Refuses everything until the database is open again; false once nobody is left to ask for it.
    fn wait_until_open(&mut self) -> bool {
        loop {
            loop {
                match self.inbox.try_recv() {
                    Ok(operation) => {
                        let closed = self.database.with(|_| ());
                        operation.answer(closed);
                    }
                    Err(mpsc::error::TryRecvError::Empty) => break,
                    Err(mpsc::error::TryRecvError::Disconnected) => return false,
                }
            }
            thread::sleep(REOPEN_PAUSE);
            if self.recover() {
                return true;
            }
        }
    }
}

fn answer(group: Vec<Box<dyn Operation>>, committed: &Result<(), StoreError>) {
    if let Err(error) = committed {
        tracing::error!(%error, operations = group.len(), "a group of changes failed");
    }
    for operation in group {
        operation.answer(committed.as_ref().copied().map_err(fault::copy));
    }
}
