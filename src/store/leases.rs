//! The port of leases: one holder per upload, and how a newcomer takes over.
//!
//! A request that appends to an upload, ends it or asks for its offset holds its lease meanwhile. A newcomer does not
//! wait for a dead connection to be noticed: it tells the holder to stop, which keeps what it has received and lets go,
//! and takes its turn. The newest wins: it displaces those that still wait as well.
//!
//! If the newcomer is a PATCH at the recorded offset, the holder discards what it has received but not yet recorded;
//! otherwise that PATCH would be refused. That happens where a request of a dead connection is read only after HEAD was
//! answered on a new one. For the same reason a request that broke off holds its lease for a moment longer.
//!
//! A holder that does not answer may be on another process, which is gone, or slow. So a lease has an [`Epoch`], which
//! every write of its holder carries: from the moment at which another has the upload, the stores refuse it
//! ([`StoreError::Fenced`]).

use std::any::Any;
use std::fmt;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use tokio::sync::Notify;

use super::error::StoreError;
use crate::upload::{Epoch, UploadId};

/// The leases of all uploads.
#[async_trait]
pub trait Leases: Send + Sync + 'static {
    /// Displaces every request that holds or awaits the upload, and waits for the turn.
    ///
    /// # Errors
    /// [`NoTurn`]: a newer one came first, which ends the wait at once, or the holder took too long.
    async fn take_over(&self, id: UploadId, wanted: Wanted) -> Result<Lease, NoTurn>;

    /// As [`Leases::take_over`] if the upload has a holder; `None`, at no cost, if it has none.
    ///
    /// # Errors
    /// As [`Leases::take_over`].
    async fn take_held(&self, id: UploadId, wanted: Wanted) -> Result<Option<Lease>, NoTurn>;

    /// Takes the upload if no request holds it.
    ///
    /// # Errors
    /// [`StoreError`]
    async fn take_idle(&self, id: UploadId) -> Result<Option<Lease>, StoreError>;
}

/// What a newcomer wants of the upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Everything that the holder has received.
    WhatCame,
    /// To append at the recorded offset.
    RecordedOffset,
}

/// Why a newcomer does not get the upload.
#[derive(Debug, thiserror::Error)]
pub enum NoTurn {
    /// A newer one wants it.
    #[error("a newer request wants the upload")]
    Displaced,
    /// The holder did not let go in time.
    #[error("the holder did not let go in time")]
    Late,
    /// The leases cannot be asked.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The right to work on an upload, until it is dropped. No trait, so that a holder can look at it, and wait for it, at
/// every frame of a body for nothing.
pub struct Lease {
    epoch: Epoch,
    displacement: Displacement,
    /// What gives the upload free when it is dropped; different in each implementation.
    _hold: Box<dyn Any + Send + Sync>,
}

impl Lease {
    /// A lease that a newcomer ends by this displacement, and that holds the upload for as long as `hold` lives.
    pub fn new(epoch: Epoch, displacement: Displacement, hold: impl Any + Send + Sync) -> Self {
        Self { epoch, displacement, _hold: Box::new(hold) }
    }

    /// How the holder is told of a newcomer.
    pub fn displacement(&self) -> &Displacement {
        &self.displacement
    }

    /// What every write of the holder carries.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Resolves when a newcomer wants the upload.
    pub async fn displaced(&self) -> Wanted {
        self.displacement.wait().await
    }

    /// What the newcomer wants, if there is one.
    pub fn is_displaced(&self) -> Option<Wanted> {
        self.displacement.wanted()
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease").field("epoch", &self.epoch).finish_non_exhaustive()
    }
}

/// Tells a holder, or a request that waits, that a newcomer wants the upload. Clones are the same one.
#[derive(Debug, Clone, Default)]
pub struct Displacement(Arc<Told>);

#[derive(Debug, Default)]
struct Told {
    wanted: OnceLock<Wanted>,
    told: Notify,
}

impl Displacement {
    /// Tells it. The first newcomer is the one that counts: after it the upload is another's.
    pub fn tell(&self, wanted: Wanted) {
        let _ = self.0.wanted.set(wanted);
        self.0.told.notify_waiters();
    }

    /// What was told, if something was.
    pub fn wanted(&self) -> Option<Wanted> {
        self.0.wanted.get().copied()
    }

    /// Waits until it is told.
    pub async fn wait(&self) -> Wanted {
        loop {
            // Before it is looked: what is told from here on ends the wait.
            let told = self.0.told.notified();
            match self.wanted() {
                Some(wanted) => return wanted,
                None => told.await,
            }
        }
    }
}
