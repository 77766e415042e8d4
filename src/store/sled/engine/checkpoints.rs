//! The checkpointer: one thread that writes to sled what the journal holds. It works at its own pace, just
//! fast enough to have finished the changes of one checkpoint when those of the next are there. At full speed
//! it would slow all others down, and then have nothing to do.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::fault;
use crate::store::StoreError;

/// How many bytes of changes go to sled at once: enough that rows which come and go never reach it.
pub(super) const CHECKPOINT_BYTES: usize = 4 * 1024 * 1024;
/// The pause between attempts while the disk is full.
const PAUSE: Duration = Duration::from_millis(250);
/// The longest rest, as a multiple of the work before it.
const MOST_REST: u32 = 4;

/// How long the checkpointer works before it may rest.
const PIECE: Duration = Duration::from_millis(1);

/// The state that the committer and the checkpointer share.
#[derive(Debug, Default)]
pub(super) struct Checkpoints {
    order: Mutex<Order>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Order {
    /// Whether the committer has asked for a checkpoint since the last attempt began.
    is_wanted: bool,
    is_under_way: bool,
    is_ending: bool,
    /// How many callers wait until the attempt is done.
    waiting: usize,
    /// The failure of the last attempt, until one succeeds.
    failure: Option<StoreError>,
}

impl Checkpoints {
    /// Asks for a checkpoint.
    pub(super) fn want(&self) {
        self.change(|order| order.is_wanted = true);
    }

    /// Asks the thread to end after its current attempt.
    pub(super) fn end(&self) {
        self.change(|order| order.is_ending = true);
    }

    /// Waits until the checkpoint that was asked for is done.
    ///
    /// # Errors
    /// The failure of the checkpoint, which will be tried again.
    pub(super) fn wait(&self) -> Result<(), StoreError> {
        let mut order = self.order();
        order.waiting += 1;
        self.changed.notify_all();
        let waits = |order: &mut Order| {
            (order.is_wanted || order.is_under_way) && order.failure.is_none() && !order.is_ending
        };
        let mut order = self.changed.wait_while(order, waits).unwrap_or_else(PoisonError::into_inner);
        order.waiting -= 1;
        match &order.failure {
            Some(failure) => Err(fault::copy(failure)),
            None => Ok(()),
        }
    }

    /// Rests in the middle of an attempt after this much work, while the changes of the next checkpoint have
    /// this many bytes. There is no rest while a caller waits for the checkpoint.
    pub(super) fn rest(&self, worked: Duration, active_bytes: usize) {
        let rest = rest_after(worked, active_bytes);
        if rest > Duration::ZERO {
            let nobody_waits = |order: &mut Order| order.waiting == 0 && !order.is_ending;
            let rested = self.changed.wait_timeout_while(self.order(), rest, nobody_waits);
            drop(rested.unwrap_or_else(PoisonError::into_inner));
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

    /// Waits for the next request, and a moment after a failure; `false` at the end. A request that comes
    /// from now on is another one: the changes of this attempt may have arrived, and the next be on their
    /// way, before the attempt is known to have ended.
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

/// The work of a checkpoint, which is done in pieces.
pub(super) struct Pieces<'a> {
    rest: &'a dyn Fn(Duration),
    begun: Instant,
}

impl<'a> Pieces<'a> {
    pub(super) fn new(rest: &'a dyn Fn(Duration)) -> Self {
        Self { rest, begun: Instant::now() }
    }

    /// Ends a piece here, if it is long enough.
    pub(super) fn pause(&mut self) {
        let worked = self.begun.elapsed();
        if worked >= PIECE {
            (self.rest)(worked);
            self.begun = Instant::now();
        }
    }
}

/// The length of a rest: the closer the next checkpoint, the shorter.
fn rest_after(worked: Duration, active_bytes: usize) -> Duration {
    let left = u32::try_from(CHECKPOINT_BYTES.saturating_sub(active_bytes)).expect("some MiB");
    worked * MOST_REST * (left / 1024) / u32::try_from(CHECKPOINT_BYTES / 1024).expect("some KiB")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_rests_until_the_next_one_is_near() {
        let rest = |active_bytes| rest_after(Duration::from_millis(2), active_bytes).as_micros();
        assert_eq!(rest(0), 8_000);
        assert_eq!(rest(CHECKPOINT_BYTES / 4), 6_000);
        assert_eq!(rest(CHECKPOINT_BYTES), 0);
        assert_eq!(rest(2 * CHECKPOINT_BYTES), 0);
    }

    /// A caller that waits ends the rest, however long that would be.
    #[test]
    fn whoever_waits_ends_the_rest() {
        let checkpoints = Checkpoints::default();
        checkpoints.want();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                checkpoints.run(|| {
                    checkpoints.rest(Duration::from_secs(100_000), 0);
                    Ok(())
                });
            });
            checkpoints.wait().expect("nothing fails");
            checkpoints.end();
        });
    }

    /// The committer asks so when it finds the changes arrived before the attempt is known to have ended.
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
