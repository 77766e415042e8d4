//! The decision how much room an upload gets: the counts against the terms and the disk.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use super::counts::{Counts, Room};
use super::terms::Terms;
use crate::message::UserId;
use crate::metrics;
use crate::store::{Payloads, Records, StoreError, Stores};
use crate::time::Timestamp;
use crate::upload::{Bounds, Length, SMALL_BYTES, Upload, UploadId};

/// The most bytes for which it is enough to know the room of a moment ago.
const FEW: u64 = 64 * 1024;
/// How many users without a quota are remembered before those with expired tokens are forgotten.
const TRUSTED: usize = 1000;

/// The decision about room, for everything that writes bytes.
#[derive(Clone)]
pub struct Allowance {
    counts: Arc<Mutex<Counts>>,
    /// The users whose quota does not hold, and until when.
    trusted: Arc<Mutex<HashMap<UserId, Timestamp>>>,
    records: Arc<dyn Records>,
    payloads: Arc<dyn Payloads>,
    pub(super) terms: Terms,
    /// The time of the start. Uploads that were created before may have a share of the room that is recalled.
    pub(super) since: Timestamp,
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
    /// The allowance over these stores, with the room of their disk.
    pub fn new(stores: &Stores, terms: Terms) -> Self {
        let (records, payloads) = (Arc::clone(&stores.records), Arc::clone(&stores.payloads));
        let (counts, trusted) = (Arc::default(), Arc::default());
        Self { counts, trusted, records, payloads, terms, since: Timestamp::now() }
    }

    /// Keeps room for the uploads from before this start, whichever they are.
    ///
    /// # Errors
    /// [`StoreError`] if the records or the disk cannot be asked.
    pub async fn recall(&self) -> Result<(), StoreError> {
        let missing = u64::try_from(self.records.missing().await?).unwrap_or(u64::MAX);
        let room = self.room(missing).await?;
        self.counts().recall(missing, room);
        Ok(())
    }

    /// Promises room to a new upload, as far as its owner has a share. Answers the bounds of its creation.
    /// If that fails, the promise is to be [forgotten](Allowance::forget).
    ///
    /// # Errors
    /// [`StoreError`] if the disk cannot be asked.
    pub(crate) async fn reserve(&self, upload: &Upload) -> Result<Bounds, StoreError> {
        let room = self.room(upload.length.known().unwrap_or(0)).await?;
        let has_room = self.counts().reserve(upload, room);
        let quota = (!self.trusts(&upload.owner)).then_some(self.terms.quota);
        Ok(Bounds { quota, has_room })
    }

    /// How many bytes the owner of an upload of this length may still send to it. A declared length was
    /// measured when it was declared.
    pub(super) async fn left_to(&self, owner: &UserId, length: Length) -> Result<u64, StoreError> {
        if length != Length::Deferred || self.trusts(owner) {
            return Ok(u64::MAX);
        }
        Ok(self.terms.quota.left(self.records.held(owner).await?))
    }

    /// Suspends the quota of a user until this time.
    pub(crate) fn trust(&self, user: &UserId, until: Timestamp) {
        let (mut trusted, now) = (self.trusted(), Timestamp::now());
        if trusted.len() >= TRUSTED {
            trusted.retain(|_, until| *until > now);
        }
        let known = trusted.entry(user.clone()).or_insert(until);
        *known = until.max(*known);
    }

    fn trusts(&self, user: &UserId) -> bool {
        self.trusted().get(user).is_some_and(|until| *until > Timestamp::now())
    }

    fn trusted(&self) -> MutexGuard<'_, HashMap<UserId, Timestamp>> {
        self.trusted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a client that sends a small upload finds room for it.
    ///
    /// # Errors
    /// [`StoreError`] if the disk cannot be asked.
    pub(crate) async fn has_room(&self) -> Result<bool, StoreError> {
        let room = self.room(SMALL_BYTES).await?;
        Ok(self.counts().could_have(SMALL_BYTES, room))
    }

    /// How much room there is.
    ///
    /// # Errors
    /// [`StoreError`] if the disk cannot be asked.
    pub(crate) async fn left(&self) -> Result<RoomLeft, StoreError> {
        let room = self.room(0).await?;
        let reserved = self.counts().taken(room);
        Ok(RoomLeft { reserved, free: room.disk.saturating_sub(reserved) })
    }

    /// Takes back the promise to an upload that came to nothing.
    pub(crate) fn forget(&self, id: UploadId) {
        self.counts().remove(id);
    }

    /// The most bytes of an upload.
    pub(crate) fn max_upload_size(&self) -> u64 {
        self.terms.max_upload_size
    }

    /// The room for a request for this many bytes.
    pub(super) async fn room(&self, bytes: u64) -> Result<Room, StoreError> {
        let room = if bytes > FEW { self.payloads.room_now().await? } else { self.payloads.room().await? };
        Ok(Room { disk: room.bytes(), now: Instant::now(), lapse_after: self.terms.lapse_after })
    }

    /// Lets promises lapse for this many bytes, and answers how many are free.
    pub(super) fn make_room(counts: &mut Counts, bytes: u64, room: Room) -> u64 {
        let (promises, free) = counts.make_room(bytes, room);
        if promises > 0 {
            metrics::get().promises_lapsed.inc_by(promises);
            tracing::info!(promises, "room that was kept for silent uploads went to others");
        }
        free
    }

    /// Locks the counts. No code panics while it holds the lock.
    pub(super) fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Allowance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Allowance").field("terms", &self.terms).finish_non_exhaustive()
    }
}
