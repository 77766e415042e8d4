//! The port of leases: one holder per upload, and how a newcomer takes over.
//!
//! A request that appends to an upload, ends it or asks for its offset holds the upload's lease meanwhile. A
//! newcomer does not wait until a dead connection is noticed: it tells the holder to stop, and takes its
//! turn. The holder keeps what it has received, and lets go. The newest wins: it displaces those that still
//! wait as well.
//!
//! If the newcomer is a PATCH at the recorded offset, the holder discards what it has received but not yet
//! recorded; otherwise that PATCH would be refused. That happens if a request of a dead connection is read
//! only after HEAD was answered on a new one. For the same reason a request that broke off holds its lease
//! for a moment longer.
//!
//! A holder that does not answer may be on another process, which is gone or slow. So a lease has an
//! [`Epoch`], which every write of its holder carries: once another request has the upload, the stores refuse
//! the write ([`StoreError::Fenced`]).

use std::any::Any;
use std::fmt;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use tokio::sync::Notify;

use super::error::StoreError;
use crate::upload::{Epoch, Upload, UploadId};

/// The leases of all uploads.
#[async_trait]
pub trait Leases: Send + Sync + 'static {
    /// Displaces every request that holds or awaits the upload, and waits until the upload is free.
    ///
    /// # Errors
    /// [`NoTurn`]: a newer request came first, which ends the wait at once, or the holder took too long.
    async fn take_over(&self, id: UploadId, wanted: Wanted) -> Result<Lease, NoTurn>;

    /// Takes over as [`Leases::take_over`] does, if the upload has a holder; `None`, at no cost, if it has
    /// none. `elsewhere` is what was read with the record, by [`Records::find_held`](super::Records).
    ///
    /// # Errors
    /// The errors of [`Leases::take_over`].
    async fn take_held(
        &self,
        id: UploadId,
        wanted: Wanted,
        elsewhere: Elsewhere,
    ) -> Result<Option<Lease>, NoTurn>;

    /// Takes the upload if no request holds it.
    ///
    /// # Errors
    /// [`StoreError`]
    async fn take_idle(&self, id: UploadId) -> Result<Option<Lease>, StoreError>;

    /// Tells other processes that this one is about to end, so that they need not wait until they take it for
    /// gone: leases and duties are theirs from now on. Takes a few seconds at most, whether or not it could
    /// be told. Nothing is to be taken after it.
    async fn leave(&self) {}
}

/// The process that has an upload, by the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Elsewhere {
    /// The record does not say, or was not asked.
    Unknown,
    /// No process had it when the record was read.
    Free,
    /// The process with this number.
    Process(i32),
}

/// The bytes of the upload that a newcomer wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// The newcomer wants everything that the holder has received.
    WhatCame,
    /// The newcomer wants to append at the recorded offset.
    RecordedOffset,
}

/// The reason why a newcomer does not get the upload.
#[derive(Debug, thiserror::Error)]
pub enum NoTurn {
    /// A newer request wants the upload.
    #[error("a newer request wants the upload")]
    Displaced,
    /// The holder did not let go in time.
    #[error("the holder did not let go in time")]
    Late,
    /// The store behind the leases failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The right to work on an upload, until it is dropped. It is no trait, so that a holder can look at it, and
/// wait for it, at every frame of a body at no cost.
pub struct Lease {
    epoch: Epoch,
    displacement: Displacement,
    /// The record as it was when the upload was taken, where that came along.
    found: Option<Box<Upload>>,
    /// The value that frees the upload when it is dropped; each implementation has its own.
    _hold: Box<dyn Any + Send + Sync>,
}

impl Lease {
    /// A lease that a newcomer ends by this displacement, and that holds the upload as long as `hold` lives.
    pub fn new(epoch: Epoch, displacement: Displacement, hold: impl Any + Send + Sync) -> Self {
        Self { epoch, displacement, found: None, _hold: Box::new(hold) }
    }

    /// The lease, with the record as it was when the upload was taken. Until its holder writes something,
    /// no other request does.
    #[must_use]
    pub fn with(self, found: Upload) -> Self {
        Self { found: Some(Box::new(found)), ..self }
    }

    /// The record, the first time that it is asked for, if it came along.
    pub fn take_found(&mut self) -> Option<Upload> {
        self.found.take().map(|found| *found)
    }

    /// The signal by which a newcomer displaces the holder.
    pub fn displacement(&self) -> &Displacement {
        &self.displacement
    }

    /// The epoch that every write of the holder carries.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Resolves when a newcomer wants the upload.
    pub async fn displaced(&self) -> Wanted {
        self.displacement.wait().await
    }

    /// The newcomer's wish, if there is a newcomer.
    pub fn is_displaced(&self) -> Option<Wanted> {
        self.displacement.wanted()
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease").field("epoch", &self.epoch).finish_non_exhaustive()
    }
}

/// The signal to a holder, or a request that waits, that a newcomer wants the upload. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Displacement(Arc<Told>);

#[derive(Debug, Default)]
struct Told {
    wanted: OnceLock<Wanted>,
    told: Notify,
}

impl Displacement {
    /// Gives the signal. Only the first newcomer's wish counts: after it the upload is another's.
    pub fn tell(&self, wanted: Wanted) {
        let _ = self.0.wanted.set(wanted);
        self.0.told.notify_waiters();
    }

    /// The wish that was signalled, if one was.
    pub fn wanted(&self) -> Option<Wanted> {
        self.0.wanted.get().copied()
    }

    /// Waits for the signal.
    pub async fn wait(&self) -> Wanted {
        loop {
            // Registered before the look: a signal from here on ends the wait.
            let told = self.0.told.notified();
            match self.wanted() {
                Some(wanted) => return wanted,
                None => told.await,
            }
        }
    }
}
