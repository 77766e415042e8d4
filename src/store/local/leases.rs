//! Leases among the requests of one process. A holder always lets go before the next one follows, so there is
//! one epoch.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::store::StoreError;
use crate::store::leases::{Displacement, Elsewhere, Lease, Leases, NoTurn, Wanted};
use crate::upload::{Epoch, UploadId};

/// How long a newcomer waits for the holder, which has at most a buffer to write and to sync.
const PATIENCE: Duration = Duration::from_secs(10);

/// The leases of all uploads, for the requests of this process. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct LocalLeases {
    slots: Arc<Mutex<Slots>>,
}

type Slots = HashMap<UploadId, Arc<Slot>>;

#[derive(Debug)]
struct Slot {
    /// One permit, which the holder has.
    turn: Semaphore,
    newest: Mutex<Displacement>,
}

/// The interest of one request in a slot; the last visit to end takes the slot out of the map.
#[derive(Debug)]
struct Visit {
    slots: Arc<Mutex<Slots>>,
    id: UploadId,
    /// The slot; `None` only while the visit is being dropped.
    slot: Option<Arc<Slot>>,
}

/// The holder's visit, which gives the permit back before it ends.
#[derive(Debug)]
struct Turn(Visit);

#[async_trait]
impl Leases for LocalLeases {
    async fn take_over(&self, id: UploadId, wanted: Wanted) -> Result<Lease, NoTurn> {
        let visit = self.visit(id);
        let displacement = Displacement::default();
        let before = std::mem::replace(&mut *lock(&visit.slot().newest), displacement.clone());
        before.tell(wanted);
        let is_mine = tokio::select! {
            biased;
            _ = displacement.wait() => return Err(NoTurn::Displaced),
            turn = tokio::time::timeout(PATIENCE, visit.slot().turn.acquire()) => {
                matches!(turn.map(|turn| turn.map(SemaphorePermit::forget)), Ok(Ok(())))
            }
        };
        if is_mine { Ok(visit.hold(displacement)) } else { Err(NoTurn::Late) }
    }

    async fn take_held(&self, id: UploadId, wanted: Wanted, _: Elsewhere) -> Result<Option<Lease>, NoTurn> {
        if lock(&self.slots).contains_key(&id) {
            self.take_over(id, wanted).await.map(Some)
        } else {
            Ok(None)
        }
    }

    async fn take_idle(&self, id: UploadId) -> Result<Option<Lease>, StoreError> {
        let visit = self.visit(id);
        let is_free = visit.slot().turn.try_acquire().map(SemaphorePermit::forget).is_ok();
        if !is_free {
            return Ok(None);
        }
        let displacement = lock(&visit.slot().newest).clone();
        Ok(Some(visit.hold(displacement)))
    }
}

impl LocalLeases {
    fn visit(&self, id: UploadId) -> Visit {
        let slot = Arc::clone(lock(&self.slots).entry(id).or_default());
        Visit { slots: Arc::clone(&self.slots), id, slot: Some(slot) }
    }
}

impl Visit {
    /// The lease of a visit whose turn it is.
    fn hold(self, displacement: Displacement) -> Lease {
        Lease::new(Epoch::FIRST, displacement, Turn(self))
    }

    fn slot(&self) -> &Slot {
        self.slot.as_ref().expect("only a visit being dropped has no slot")
    }
}

impl Default for Slot {
    fn default() -> Self {
        Self { turn: Semaphore::new(1), newest: Mutex::default() }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.slot().turn.add_permits(1);
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        let mut slots = lock(&self.slots);
        self.slot = None;
        // Visits begin under the same lock, so none can come in between.
        if slots.get(&self.id).is_some_and(|slot| Arc::strong_count(slot) == 1) {
            slots.remove(&self.id);
        }
    }
}

/// Locks a mutex. No code panics while it holds one of these locks; if it did, what they guard would still be
/// whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    crate::store::contract::leases_contract!(LocalLeases::default());

    #[tokio::test]
    async fn an_upload_that_is_left_is_forgotten() {
        let leases = LocalLeases::default();
        let id = UploadId::random();
        let holder = leases.take_over(id, Wanted::WhatCame).await.expect("idle");
        assert!(leases.take_idle(id).await.expect("local").is_none());
        assert!(lock(&leases.slots).contains_key(&id));
        drop(holder);
        assert!(lock(&leases.slots).is_empty());
        drop(leases.take_idle(id).await.expect("local").expect("idle"));
        assert!(leases.take_held(id, Wanted::WhatCame, Elsewhere::Unknown).await.expect("local").is_none());
        assert!(lock(&leases.slots).is_empty());
    }
}
