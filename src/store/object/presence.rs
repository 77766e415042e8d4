//! Whether the object store takes parts, as the puts of them find out.
//!
//! While it does not, bytes go on into tails, and one put at a time, of whichever upload, tries it out: many
//! that hang would only hold memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::store::StoreError;

/// What this process knows of the object store.
#[derive(Debug)]
pub(super) struct Presence {
    is_away: AtomicBool,
    /// Whether the tails of all uploads together take as much of the database as they may.
    has_full_tails: AtomicBool,
    tries: Arc<Semaphore>,
}

/// The right to put a part.
#[derive(Debug)]
pub(super) struct Turn(
    #[expect(dead_code, reason = "it is given back by being dropped")] Option<OwnedSemaphorePermit>,
);

impl Presence {
    pub(super) fn new() -> Self {
        let (is_away, has_full_tails) = (AtomicBool::new(false), AtomicBool::new(false));
        Self { is_away, has_full_tails, tries: Arc::new(Semaphore::new(1)) }
    }

    pub(super) fn is_away(&self) -> bool {
        self.is_away.load(Ordering::Relaxed)
    }

    /// Takes note of a put that came through.
    pub(super) fn works(&self) {
        if self.is_away.swap(false, Ordering::Relaxed) {
            tracing::info!("the object store takes parts again");
        }
    }

    /// Takes note of a put that failed, or takes too long.
    pub(super) fn fails(&self, why: &str) {
        if !self.is_away.swap(true, Ordering::Relaxed) {
            tracing::warn!(why, "the object store takes no parts: bytes wait in the database");
        }
    }

    /// Whether bytes have nowhere to go. Tails that once were full count only while they are needed: a table
    /// does not become smaller when rows go.
    pub(super) fn is_at_its_end(&self) -> bool {
        self.is_away() && self.has_full_tails.load(Ordering::Relaxed)
    }

    /// Takes note of how full the tails are.
    pub(super) fn tails_are_full(&self, are_full: bool) {
        if !self.has_full_tails.swap(are_full, Ordering::Relaxed) && are_full {
            tracing::warn!("the table upload_tail is as large as it may become");
        }
    }

    /// The right to put a part, unless the store is away and is being tried out.
    pub(super) fn turn(&self) -> Option<Turn> {
        if !self.is_away() {
            return Some(Turn(None));
        }
        Arc::clone(&self.tries).try_acquire_owned().ok().map(|permit| Turn(Some(permit)))
    }

    /// The right to put a part, once the store is back or is to be tried out.
    pub(super) async fn next_turn(&self, within: Duration) -> Result<Turn, StoreError> {
        match timeout(within, Arc::clone(&self.tries).acquire_owned()).await {
            Ok(permit) => Ok(Turn(permit.ok())),
            Err(_) => Err(StoreError::Unavailable("the object store does not answer".into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_tries_a_store_out_that_is_away() {
        let presence = Presence::new();
        let turns = [presence.turn(), presence.turn()];
        assert!(turns.iter().all(Option::is_some));
        presence.fails("refused");
        let trial = presence.turn();
        assert!(trial.is_some() && presence.turn().is_none());
        drop(trial);
        assert!(presence.turn().is_some());
        presence.works();
        assert!([presence.turn(), presence.turn()].iter().all(Option::is_some));
    }
}
