//! One holder per upload, and how a newcomer takes over.
//!
//! Whoever appends to an upload, ends it or looks at its offset holds its lease meanwhile. A newcomer does not
//! wait for a dead connection to be noticed: it tells the holder to stop, which keeps what it has received and
//! lets go, and takes its turn. The newest wins: it displaces those that still wait as well.
//!
//! A newcomer that sends what follows the recorded offset itself has no use for what the holder received beyond
//! it, and would be refused for it: then the holder keeps nothing that is not recorded. That happens where a
//! request of a dead connection is read only after HEAD was answered on a new one. For the same reason a request
//! that broke off holds its lease for a moment longer.
//!
//! Leases order the requests of one process. What makes a second writer harmless is the ledger, which takes a
//! row only at its end.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex as Turn, OwnedMutexGuard};
use tokio_util::sync::CancellationToken;

use crate::upload::UploadId;

/// How long a newcomer waits for the holder, which has a buffer to write and to sync at the most.
const PATIENCE: Duration = Duration::from_secs(10);

/// The leases of all uploads that somebody is at.
#[derive(Debug, Default)]
pub(super) struct Leases {
    slots: Mutex<HashMap<UploadId, Arc<Slot>>>,
}

#[derive(Debug, Default)]
struct Slot {
    turn: Arc<Turn<()>>,
    newest: Mutex<Displacement>,
}

/// Tells a holder, or whoever waits, that a newcomer wants the upload.
#[derive(Debug, Default, Clone)]
struct Displacement {
    displaced: CancellationToken,
    leaves_nothing: Arc<AtomicBool>,
}

/// What a newcomer wants of the upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Everything that the holder has received.
    WhatCame,
    /// To append at the recorded offset.
    RecordedOffset,
}

/// The right to work on an upload, until it is dropped.
#[derive(Debug)]
pub(super) struct Lease {
    displacement: Displacement,
    // Fields are dropped in this order: the turn is free before the slot may be forgotten.
    _turn: OwnedMutexGuard<()>,
    _visit: Visit,
}

/// Why a newcomer does not get the upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoTurn {
    /// A newer one wants it.
    Displaced,
    /// The holder did not let go in time.
    Late,
}

/// Somebody's interest in a slot; the last to leave takes it out of the map.
#[derive(Debug)]
struct Visit {
    leases: Arc<Leases>,
    id: UploadId,
    /// `None` only while being dropped.
    slot: Option<Arc<Slot>>,
}

impl Leases {
    /// Displaces whoever holds or awaits the upload, and waits for the turn.
    ///
    /// # Errors
    /// [`NoTurn`]: a newer one came first, which ends the wait at once, or the holder took too long.
    pub(super) async fn take_over(self: &Arc<Self>, id: UploadId, wanted: Wanted) -> Result<Lease, NoTurn> {
        let visit = self.visit(id);
        let displacement = Displacement::default();
        let before = std::mem::replace(&mut *lock(&visit.slot().newest), displacement.clone());
        before.leaves_nothing.store(wanted == Wanted::RecordedOffset, Ordering::Release);
        before.displaced.cancel();
        let turn = Arc::clone(&visit.slot().turn).lock_owned();
        let turn = tokio::select! {
            biased;
            () = displacement.displaced.cancelled() => return Err(NoTurn::Displaced),
            turn = tokio::time::timeout(PATIENCE, turn) => turn.map_err(|_| NoTurn::Late)?,
        };
        Ok(Lease { displacement, _turn: turn, _visit: visit })
    }

    /// Takes the upload if nobody is at it.
    pub(super) fn take_idle(self: &Arc<Self>, id: UploadId) -> Option<Lease> {
        let visit = self.visit(id);
        let turn = Arc::clone(&visit.slot().turn).try_lock_owned().ok()?;
        let displacement = lock(&visit.slot().newest).clone();
        Some(Lease { displacement, _turn: turn, _visit: visit })
    }

    /// Whether somebody is at the upload.
    pub(super) fn is_held(&self, id: UploadId) -> bool {
        lock(&self.slots).contains_key(&id)
    }

    fn visit(self: &Arc<Self>, id: UploadId) -> Visit {
        let slot = Arc::clone(lock(&self.slots).entry(id).or_default());
        Visit { leases: Arc::clone(self), id, slot: Some(slot) }
    }
}

impl Lease {
    /// Resolves when a newcomer wants the upload.
    pub(super) async fn displaced(&self) {
        self.displacement.displaced.cancelled().await;
    }

    /// Whether whoever displaces this one goes on from the recorded offset.
    pub(super) fn leaves_nothing(&self) -> bool {
        self.displacement.leaves_nothing.load(Ordering::Acquire)
    }

    /// Whether a newcomer wants the upload.
    pub(super) fn is_displaced(&self) -> bool {
        self.displacement.displaced.is_cancelled()
    }
}

impl Visit {
    fn slot(&self) -> &Slot {
        self.slot.as_ref().expect("only a visit being dropped has no slot")
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        let mut slots = lock(&self.leases.slots);
        self.slot = None;
        // Visits begin under the same lock, so nobody can come in between.
        if slots.get(&self.id).is_some_and(|slot| Arc::strong_count(slot) == 1) {
            slots.remove(&self.id);
        }
    }
}

/// No code panics while it holds one of these locks; if it did, what they guard would still be whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_newcomer_displaces_the_holder_and_follows_it() {
        let leases = Arc::new(Leases::default());
        let id = UploadId::random();
        let first = leases.take_over(id, Wanted::WhatCame).await.expect("idle");
        assert!(leases.take_idle(id).is_none());
        let newcomer = tokio::spawn({
            let leases = Arc::clone(&leases);
            async move { leases.take_over(id, Wanted::WhatCame).await.is_ok() }
        });
        first.displaced().await;
        drop(first);
        assert!(newcomer.await.expect("no panic"));
        assert!(!leases.is_held(id), "an idle upload is forgotten");
    }

    /// The first one never lets go here, as one does that is busy: whoever is displaced must not wait for it.
    #[tokio::test]
    async fn the_newest_displaces_those_that_wait_and_they_give_way_at_once() {
        let leases = Arc::new(Leases::default());
        let id = UploadId::random();
        let first = leases.take_over(id, Wanted::WhatCame).await.expect("idle");
        let wait = || {
            let leases = Arc::clone(&leases);
            tokio::spawn(async move {
                leases.take_over(id, Wanted::WhatCame).await.map(|lease| lease.is_displaced())
            })
        };
        let second = wait();
        first.displaced().await;
        let third = wait();
        assert_eq!(second.await.expect("no panic"), Err(NoTurn::Displaced));
        drop(first);
        assert_eq!(third.await.expect("no panic"), Ok(false));
        assert!(!leases.is_held(id));
    }

    #[tokio::test]
    async fn uploads_do_not_wait_for_each_other() {
        let leases = Arc::new(Leases::default());
        let one = leases.take_over(UploadId::random(), Wanted::WhatCame).await.expect("idle");
        let two = leases.take_over(UploadId::random(), Wanted::WhatCame).await.expect("idle");
        assert!(!one.is_displaced() && !two.is_displaced());
    }
}
