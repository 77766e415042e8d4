//! Bytes that the object store does not have, and since when this process misses them.
//!
//! A store may be about to make the object whose parts it has no more: for a request that was given up, here
//! or on another process, or for one that is still under way there. Or it may not know yet what it was given.
//! So bytes count as lost only once they were missed for longer than all of that takes. A restart begins to
//! wait anew.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::upload::UploadId;

/// The most uploads that are remembered. For another one, the one that was missed first begins anew.
const MOST: usize = 4096;

/// The uploads whose bytes are missed, and since when.
#[derive(Debug, Default)]
pub(super) struct Missed(Mutex<HashMap<UploadId, Instant>>);

impl Missed {
    /// How long the bytes of an upload are missed; from now on if they were not yet.
    pub(super) fn since(&self, id: UploadId) -> Duration {
        let mut missed = self.lock();
        if missed.len() >= MOST && !missed.contains_key(&id) {
            let first = missed.iter().min_by_key(|(_, since)| **since).map(|(id, _)| *id);
            if let Some(first) = first {
                missed.remove(&first);
            }
        }
        missed.entry(id).or_insert_with(Instant::now).elapsed()
    }

    /// Notes that the bytes are there, or given up.
    pub(super) fn forget(&self, id: UploadId) {
        self.lock().remove(&id);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<UploadId, Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn bytes_are_missed_from_the_first_look_until_they_are_there() {
        let (missed, id, second) = (Missed::default(), UploadId::random(), Duration::from_secs(1));
        assert_eq!(missed.since(id), Duration::ZERO);
        tokio::time::advance(second).await;
        assert_eq!((missed.since(id), missed.since(UploadId::random())), (second, Duration::ZERO));
        missed.forget(id);
        assert_eq!(missed.since(id), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn so_many_are_remembered_and_no_more() {
        let (missed, first) = (Missed::default(), UploadId::random());
        missed.since(first);
        tokio::time::advance(Duration::from_secs(1)).await;
        for _ in 0..MOST {
            missed.since(UploadId::random());
        }
        assert_eq!(missed.lock().len(), MOST);
        assert!(!missed.lock().contains_key(&first));
    }
}
