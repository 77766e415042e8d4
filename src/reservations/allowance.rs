//! The decision how much room an upload gets: the counts against the terms and the disk.

use std::sync::Arc;

use tokio::time::Instant;

use super::counts::{Room, SMALL_BYTES};
use super::refusal::Refusal;
use super::terms::Terms;
use super::{Reservation, Reservations};
use crate::message::UserId;
use crate::store::{Payloads, StoreError};
use crate::time::Timestamp;
use crate::upload::{Upload, UploadId};

/// The most bytes for which it is enough to know the room of a moment ago.
const FEW: u64 = 64 * 1024;

/// The decision about room, for everything that writes bytes.
#[derive(Clone)]
pub struct Allowance {
    pub(crate) reservations: Arc<Reservations>,
    payloads: Arc<dyn Payloads>,
    pub(super) terms: Terms,
}

/// How much room there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoomLeft {
    /// How many bytes are set aside.
    pub reserved: u64,
    /// How many bytes are not set aside, and may be stored.
    pub free: u64,
}

impl Allowance {
    /// The allowance over these counts and this disk.
    pub fn new(reservations: Arc<Reservations>, payloads: Arc<dyn Payloads>, terms: Terms) -> Self {
        Self { reservations, payloads, terms }
    }

    /// Counts a creation if there is room for it.
    ///
    /// # Errors
    /// [`Refusal::TooManyUnfinished`], [`Refusal::TooMuchReserved`], [`Refusal::NoRoom`].
    pub(crate) async fn reserve(&self, upload: &Upload) -> Result<Reservation<'_>, Refusal> {
        let room = self.room(upload.length.known().unwrap_or(0)).await?;
        self.reservations.reserve(upload, room, &self.terms)
    }

    /// Suspends the terms of a user until this time.
    pub(crate) fn trust(&self, user: &UserId, until: Timestamp) {
        self.reservations.trust(user, until, Timestamp::now());
    }

    /// Whether a client that sends a small upload finds room for it.
    ///
    /// # Errors
    /// [`StoreError`] if the disk cannot be asked.
    pub(crate) async fn has_room(&self) -> Result<bool, StoreError> {
        let room = self.room(SMALL_BYTES).await?;
        Ok(self.reservations.counts().could_have(SMALL_BYTES, room))
    }

    /// How much room there is.
    ///
    /// # Errors
    /// [`StoreError`] if the disk cannot be asked.
    pub(crate) async fn left(&self) -> Result<RoomLeft, StoreError> {
        let room = self.room(0).await?;
        let reserved = self.reservations.counts().taken();
        Ok(RoomLeft { reserved, free: room.disk.saturating_sub(reserved) })
    }

    /// Notes that an upload was made of these parts: they are no longer unfinished uploads of their owner.
    pub(crate) fn joined(&self, parts: &[UploadId]) {
        parts.iter().for_each(|part| self.reservations.forget(*part));
    }

    /// Counts an upload that was stored with all of its bytes.
    pub(crate) fn stored(&self, upload: &Upload) {
        self.reservations.insert(upload, None);
    }

    /// The most bytes of an upload.
    pub(crate) fn max_upload_size(&self) -> u64 {
        self.terms.max_upload_size
    }

    /// The room for a request for this many bytes.
    pub(super) async fn room(&self, bytes: u64) -> Result<Room, StoreError> {
        let disk = if bytes > FEW { self.payloads.room_now().await? } else { self.payloads.room().await? };
        Ok(Room { disk, now: Instant::now(), lapse_after: self.terms.lapse_after })
    }
}

impl std::fmt::Debug for Allowance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Allowance").field("terms", &self.terms).finish_non_exhaustive()
    }
}
