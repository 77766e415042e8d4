//! The checkpointer: one thread that gives sled what the journal holds, at its own pace.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::database::Database;
use super::fault;
use crate::store::StoreError;

/// Between attempts while the disk is full.
const PAUSE: Duration = Duration::from_millis(250);

/// What the committer and the checkpointer say to each other.
#[derive(Debug, Default)]
pub(super) struct Checkpoints {
    order: Mutex<Order>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Order {
    is_wanted: bool,
    is_ending: bool,
    /// Why the last attempt failed, until one succeeds.
    failure: Option<StoreError>,
}

impl Checkpoints {
    /// Asks for a checkpoint.
    pub(super) fn want(&self) {
        self.change(|order| order.is_wanted = true);
    }

    /// Asks the thread to end after the attempt that it is at.
    pub(super) fn end(&self) {
        self.change(|order| order.is_ending = true);
    }

    /// Waits until the checkpoint that was asked for is done.
    ///
    /// # Errors
    /// Why it fails, and will be tried again.
    pub(super) fn wait(&self) -> Result<(), StoreError> {
        let order = self.order();
        let waits = |order: &mut Order| order.is_wanted && order.failure.is_none() && !order.is_ending;
        let order = self.changed.wait_while(order, waits).unwrap_or_else(PoisonError::into_inner);
        match &order.failure {
            Some(failure) => Err(fault::copy(failure)),
            None => Ok(()),
        }
    }

    /// The thread's work, until it is asked to end.
    pub(super) fn run(&self, database: &Database) {
        while self.next() {
            let outcome = database.checkpoint();
            self.change(|order| {
                order.is_wanted &= outcome.is_err();
                order.failure = outcome.err();
            });
        }
    }

    /// Waits for the next order, and a moment after a failure; false at the end.
    fn next(&self) -> bool {
        let mut order = self.order();
        if order.failure.is_some() {
            let paused = self.changed.wait_timeout_while(order, PAUSE, |order| !order.is_ending);
            order = paused.unwrap_or_else(PoisonError::into_inner).0;
        }
        let waits = |order: &mut Order| !order.is_wanted && !order.is_ending;
        let order = self.changed.wait_while(order, waits).unwrap_or_else(PoisonError::into_inner);
        !order.is_ending
    }

    fn change(&self, change: impl FnOnce(&mut Order)) {
        change(&mut self.order());
        self.changed.notify_all();
    }

    fn order(&self) -> MutexGuard<'_, Order> {
        self.order.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
