//! The committer: one thread that makes the changes of all callers durable, many of them at once, while the
//! callers wait.
//!
//! ```text
//! operations ─► evaluated in order, on what is stored and the group's earlier changes
//!            ─► one record of the journal ─► one sync ─► visible ─► all callers are answered
//! ```
//! A sync for each caller would be ten times slower at sixteen callers. An operation that fails its check is
//! answered together with its group: the reason may be a change of an earlier operation in the group, which
//! is not durable before.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::checkpoints::{CHECKPOINT_BYTES, Checkpoints};
use super::database::Database;
use super::fault;
use super::journal::{Failure, Journal};
use super::memtable::Memtable;
use super::view::View;
use crate::message::MessageIds;
use crate::store::StoreError;

/// The most operations that wait to be taken into a group.
pub(super) const INBOX: usize = 1024;
/// The bounds of a group: large enough that all waiting callers share the sync, small enough that it is
/// short.
const GROUP_OPERATIONS: usize = 512;
const GROUP_BYTES: usize = 1024 * 1024;
/// The most bytes of the active memtable while sled is slow, or the disk full.
const MOST_ACTIVE_BYTES: usize = 6 * 1024 * 1024;

/// A change that a caller waits for.
pub(super) trait Operation: Send {
    /// Checks the operation, and adds its changes to the group.
    fn evaluate(&mut self, view: &mut View<'_>);

    /// Answers the caller, once the group is durable or has failed.
    fn answer(self: Box<Self>, committed: Result<(), StoreError>);
}

/// An operation with its outcome and the caller that waits for it.
struct Job<F, T> {
    work: Option<F>,
    outcome: Option<Result<T, StoreError>>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

/// An operation, and the channel of its answer.
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
        // A caller that no longer waits has its change all the same.
        let _ = self.reply.send(outcome);
    }
}

/// The committer's state.
pub(super) struct Committer {
    pub(super) database: Arc<Database>,
    pub(super) journal: Journal,
    pub(super) checkpoints: Arc<Checkpoints>,
    pub(super) ids: MessageIds,
}

impl Committer {
    /// The thread's work: commits groups until the last sender is gone and everything it sent is answered.
    pub(super) fn run(mut self, mut inbox: mpsc::Receiver<Box<dyn Operation>>) {
        while let Some(first) = inbox.blocking_recv() {
            let mut group = vec![first];
            let committed = self.commit_group(&mut group, &mut inbox);
            answer(group, &committed);
        }
        if let Err(error) = self.finish() {
            tracing::warn!(%error, "the next start goes on from the journal");
        }
    }

    fn commit_group(
        &mut self,
        group: &mut Vec<Box<dyn Operation>>,
        inbox: &mut mpsc::Receiver<Box<dyn Operation>>,
    ) -> Result<(), StoreError> {
        let changes = self.evaluate(group, inbox)?;
        self.commit(changes)
    }

    /// Flushes everything, so that the next start has nothing to do.
    fn finish(&mut self) -> Result<(), StoreError> {
        // Not if the database is closed: its journal must not be written any more.
        self.database.with(|_| ())?;
        while self.database.is_frozen() || self.database.active_bytes() > 0 {
            if self.database.is_frozen() {
                self.checkpoints.wait()?;
            } else {
                self.send_on()?;
            }
        }
        self.journal.other_is_flushed();
        self.journal.append(&Memtable::default()).map_err(|failure| self.failed(failure))
    }

    /// Freezes the active memtable and asks for its flush; the one before it was flushed.
    fn send_on(&mut self) -> Result<(), StoreError> {
        self.journal.other_is_flushed();
        self.journal.turn().map_err(|failure| self.failed(failure))?;
        self.database.freeze(self.journal.turned());
        self.checkpoints.want();
        Ok(())
    }

    /// Takes the waiting operations into the group, and evaluates them in order.
    fn evaluate(
        &mut self,
        group: &mut Vec<Box<dyn Operation>>,
        inbox: &mut mpsc::Receiver<Box<dyn Operation>>,
    ) -> Result<Memtable, StoreError> {
        let Self { database, ids, .. } = self;
        database.with(|stored| {
            let mut view = View::new(stored, ids);
            group[0].evaluate(&mut view);
            while group.len() < GROUP_OPERATIONS && view.bytes() < GROUP_BYTES {
                let Ok(mut next) = inbox.try_recv() else { break };
                next.evaluate(&mut view);
                group.push(next);
            }
            view.into_changes()
        })
    }

    fn commit(&mut self, changes: Memtable) -> Result<(), StoreError> {
        if changes.is_empty() {
            return Ok(());
        }
        self.make_room(&changes)?;
        self.journal.append(&changes).map_err(|failure| self.failed(failure))?;
        self.database.show(changes);
        Ok(())
    }

    fn failed(&self, failure: Failure) -> StoreError {
        match failure {
            Failure::Write(error) => error.into(),
            Failure::Sync(error) => {
                let error = StoreError::from(error);
                self.database.close(&error);
                error
            }
        }
    }

    /// Sends changes on to sled in time, and waits for sled only if there is no other way.
    fn make_room(&mut self, changes: &Memtable) -> Result<(), StoreError> {
        loop {
            let is_free = !self.database.is_frozen();
            if is_free {
                self.journal.other_is_flushed();
            }
            let active = self.database.active_bytes();
            let is_full = active >= MOST_ACTIVE_BYTES || !self.journal.has_room_for(changes);
            if is_free && (is_full || active >= CHECKPOINT_BYTES) {
                return self.send_on();
            }
            if !is_full {
                return Ok(());
            }
            self.checkpoints.wait()?;
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
