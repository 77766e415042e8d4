//! The checkpointer: one thread that gives sled what the journal holds, at its own pace.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

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
    /// Somebody asked for one since the last attempt began.
    is_wanted: bool,
    is_under_way: bool,
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
        let waits = |order: &mut Order| {
            (order.is_wanted || order.is_under_way) && order.failure.is_none() && !order.is_ending
        };
        let order = self.changed.wait_while(order, waits).unwrap_or_else(PoisonError::into_inner);
        match &order.failure {
            Some(failure) => Err(fault::copy(failure)),
            None => Ok(()),
        }
    }

    /// The thread's work, until it is asked to end.
    pub(super) fn run(&self, mut checkpoint: impl FnMut() -> Result<(), StoreError>) {
        while self.next() {
            let outcome = checkpoint();
            self.change(|order| {
                order.is_under_way = false;
                order.is_wanted |= outcome.is_err();
                order.failure = outcome.err();
            });
        }
    }

    /// Waits for the next order, and a moment after a failure; false at the end. What is asked for from now on is
    /// another order: the changes of this one may have arrived, and the next be on their way, before its attempt
    /// is known to have ended.
    fn next(&self) -> bool {
        let mut order = self.order();
        if order.failure.is_some() {
            let paused = self.changed.wait_timeout_while(order, PAUSE, |order| !order.is_ending);
            order = paused.unwrap_or_else(PoisonError::into_inner).0;
        }
        let waits = |order: &mut Order| !order.is_wanted && !order.is_ending;
        let mut order = self.changed.wait_while(order, waits).unwrap_or_else(PoisonError::into_inner);
        order.is_under_way = !order.is_ending;
        order.is_wanted &= order.is_ending;
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

#[cfg(test)]
mod tests {
    use super::*;

    /// As the committer does that finds the changes arrived before the attempt is known to have ended.
    #[test]
    fn what_is_asked_for_during_an_attempt_is_done_after_it() {
        let checkpoints = Checkpoints::default();
        let attempts = Mutex::new(0);
        checkpoints.want();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                checkpoints.run(|| {
                    let mut attempts = attempts.lock().expect("not poisoned");
                    *attempts += 1;
                    if *attempts == 1 {
                        checkpoints.want();
                    }
                    Ok(())
                });
            });
            checkpoints.wait().expect("nothing fails");
            let done = *attempts.lock().expect("not poisoned");
            checkpoints.end();
            assert_eq!(done, 2);
        });
    }

    #[test]
    fn what_failed_is_tried_again() {
        let checkpoints = Checkpoints::default();
        let mut attempts = 0;
        checkpoints.want();
        checkpoints.run(|| {
            attempts += 1;
            if attempts == 1 {
                return Err(StoreError::Full);
            }
            assert!(matches!(checkpoints.wait(), Err(StoreError::Full)), "until one succeeds");
            checkpoints.end();
            Ok(())
        });
        assert_eq!(attempts, 2);
    }
}
