//! The memory for parts under construction, which all uploads of a process share.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many parts that begin in the tail are read back at once. Each is whole in memory then; as they wait
/// for nothing else meanwhile, they need no share of the memory for bytes that come.
const READERS: usize = 4;

/// A bound of the bytes in memory.
#[derive(Debug)]
pub(super) struct Budget {
    bytes: Arc<Semaphore>,
    most: usize,
    readers: Arc<Semaphore>,
}

/// A share of the memory. It is given back when it is dropped.
#[derive(Debug, Default)]
pub(super) struct Share(Option<OwnedSemaphorePermit>);

impl Budget {
    pub(super) fn of(most: usize) -> Self {
        let most = most.min(Semaphore::MAX_PERMITS);
        Self { bytes: Arc::new(Semaphore::new(most)), most, readers: Arc::new(Semaphore::new(READERS)) }
    }

    /// A share for this many bytes, if there is one. A piece that is larger than all of the memory takes it
    /// all.
    pub(super) fn try_take(&self, bytes: usize) -> Option<Share> {
        let permits = self.permits(bytes);
        Arc::clone(&self.bytes).try_acquire_many_owned(permits).ok().map(|permit| Share(Some(permit)))
    }

    /// A share for this many bytes, once there is one.
    pub(super) async fn take(&self, bytes: usize) -> Share {
        let permits = self.permits(bytes);
        Share(Arc::clone(&self.bytes).acquire_many_owned(permits).await.ok())
    }

    /// The right to read a tail back, once it is this caller's turn.
    pub(super) async fn reader(&self) -> Share {
        Share(Arc::clone(&self.readers).acquire_owned().await.ok())
    }

    fn permits(&self, bytes: usize) -> u32 {
        u32::try_from(bytes.min(self.most)).unwrap_or(u32::MAX)
    }
}

impl Share {
    /// Adds another share to this one.
    pub(super) fn add(&mut self, other: Self) {
        match (&mut self.0, other.0) {
            (Some(own), Some(other)) => own.merge(other),
            (own, other) => *own = own.take().or(other),
        }
    }

    /// Takes this many bytes, or all that are there, out of the share.
    pub(super) fn split(&mut self, bytes: usize) -> Self {
        let Some(own) = &mut self.0 else { return Self(None) };
        Self(own.split(bytes.min(own.num_permits())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_back_may_be_taken_again() {
        let budget = Budget::of(10);
        let mut share = budget.try_take(7).expect("free");
        assert!(budget.try_take(4).is_none());
        share.add(budget.try_take(3).expect("free"));
        drop(share.split(6));
        assert!(budget.try_take(7).is_none());
        drop(budget.try_take(6).expect("given back"));
        drop(share);
        drop(budget.try_take(99).expect("more than there is takes all"));
    }
}
