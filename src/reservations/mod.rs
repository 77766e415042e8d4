//! Room on the disk: which upload has it, for what, and how much each user may have. All code that writes
//! bytes takes room here before it writes. Room for bytes that are on the disk is given back, because the
//! disk itself counts them.
//!
//! ```text
//! creation           a promise, within its owner's share; it lapses when it was silent for long and room is wanted
//! PATCH              the promise, and more in steps as bytes come       Sending
//! one-shot, socket   in steps as bytes come                             Flight
//! join               all that is to be copied, before it begins         Flight
//! ```
//! The counts are in memory. A creation is counted before it is stored, so that many at once cannot pass
//! together. From then on `Counted` stores report every change; at the start, the records are counted in the
//! background.

mod allowance;
mod counted;
mod counts;
mod flight;
mod refusal;
mod sending;
mod start;
mod terms;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::message::UserId;
use crate::metrics;
use crate::store::Stores;
use crate::time::Timestamp;
use crate::upload::{Concat, Length, Upload, UploadId};
pub use allowance::{Allowance, RoomLeft};
use counted::Counted;
use counts::{Counts, Promise, Room};
pub(crate) use flight::Flight;
pub use refusal::Refusal;
pub(crate) use sending::Sending;
pub use terms::Terms;

/// How many users whose terms do not hold are remembered before those with expired tokens are forgotten.
const TRUSTED: usize = 1000;

/// The counts of all unfinished uploads, and of all bytes on their way to the disk.
#[derive(Debug, Default)]
pub struct Reservations {
    counts: Mutex<Counts>,
    /// The users whose terms do not hold, and until when.
    trusted: Mutex<HashMap<UserId, Timestamp>>,
}

/// A creation that is counted and not stored yet. If it stays unknown whether it was stored, it is counted
/// until the record has been looked up.
#[derive(Debug)]
pub(crate) struct Reservation<'a> {
    reservations: &'a Reservations,
    id: Option<UploadId>,
}

impl Reservations {
    /// Counts over these stores. The returned records and messages report every change that is made through
    /// them.
    pub fn over(stores: Stores) -> (Stores, Arc<Self>) {
        let reservations = Arc::new(Self::default());
        let counted = Arc::new(Counted::new(stores.clone(), Arc::clone(&reservations)));
        (Stores { records: counted.clone(), messages: counted, ..stores }, reservations)
    }

    /// Counts a creation, if the owner may have one more and there is room for all of it. Room is kept for as
    /// much of it as is in the owner's share.
    ///
    /// # Errors
    /// [`Refusal::TooManyUnfinished`], [`Refusal::TooMuchReserved`], [`Refusal::NoRoom`].
    fn reserve(&self, upload: &Upload, room: Room, terms: &Terms) -> Result<Reservation<'_>, Refusal> {
        let is_trusted = self.is_trusted(&upload.owner);
        let mut counts = self.counts();
        let (held, bytes) = (counts.held_by(&upload.owner), upload.length.known().unwrap_or(1));
        if !is_trusted && held.uploads >= terms.max_unfinished {
            return Err(Refusal::TooManyUnfinished(terms.max_unfinished));
        }
        if !is_trusted && bytes > terms.max_reserved_bytes.saturating_sub(held.bytes) {
            return Err(Refusal::TooMuchReserved(terms.max_reserved_bytes));
        }
        // A join waits for room when it begins, and then needs none for the bytes that it shares.
        let needed = if matches!(upload.concat, Concat::Final(_)) { 0 } else { bytes };
        if !counts.could_have(needed, room) {
            return Err(Refusal::NoRoom);
        }
        counts.insert(upload, Some(room));
        Ok(Reservation { reservations: self, id: Some(upload.id) })
    }

    /// Checks that there is room for a body, and promises more to an upload that declares its length now, or
    /// whose promise has lapsed.
    ///
    /// # Errors
    /// [`Refusal::NoMoreBytes`], [`Refusal::NoRoom`].
    fn extend(
        &self,
        upload: &Upload,
        length: Length,
        content_length: Option<u64>,
        room: Room,
        terms: &Terms,
    ) -> Result<(), Refusal> {
        let is_trusted = self.is_trusted(&upload.owner);
        let mut counts = self.counts();
        counts.insert(upload, Some(room));
        // The upload's own room is not among the room that others may have.
        counts.change(upload.id, |promise| promise.heard = room.now);
        let mut need = content_length.unwrap_or(0);
        if upload.length == Length::Deferred {
            need = length.known().map_or(need, |length| length.saturating_sub(upload.offset));
            let held = counts.held_by(&upload.owner);
            if !is_trusted && need > terms.max_reserved_bytes.saturating_sub(held.bytes) {
                return Err(Refusal::NoMoreBytes(terms.max_reserved_bytes));
            }
        }
        let kept = counts.get(upload.id).map_or(0, |promise| promise.kept);
        // Whatever was promised: other processes may have written to the disk.
        if content_length.unwrap_or(0) > room.disk {
            return Err(Refusal::NoRoom);
        }
        if !counts.could_have(need.saturating_sub(kept), room) {
            return Err(Refusal::NoRoom);
        }
        counts.change(upload.id, |promise| promise.length = length);
        let missing = counts.get(upload.id).map_or(0, Promise::missing);
        counts.promise(upload.id, missing, room);
        Ok(())
    }

    /// The longest that an upload without a declared length may become by its owner's terms.
    fn longest(&self, counts: &Counts, promise: &Promise, terms: &Terms) -> u64 {
        if self.is_trusted(promise.owner()) {
            return u64::MAX;
        }
        let held = counts.held_by(promise.owner());
        promise.stored.saturating_add(terms.max_reserved_bytes.saturating_sub(held.bytes))
    }

    /// Suspends the terms of this user until this time.
    fn trust(&self, user: &UserId, until: Timestamp, now: Timestamp) {
        let mut trusted = self.trusted.lock().unwrap_or_else(PoisonError::into_inner);
        if trusted.len() >= TRUSTED {
            trusted.retain(|_, until| *until > now);
        }
        let known = trusted.entry(user.clone()).or_insert(until);
        *known = until.max(*known);
    }

    fn is_trusted(&self, user: &UserId) -> bool {
        let trusted = self.trusted.lock().unwrap_or_else(PoisonError::into_inner);
        trusted.get(user).is_some_and(|until| *until > Timestamp::now())
    }

    /// Counts promises that lapsed, for metrics and the log.
    fn lapsed(&self, promises: u64) {
        if promises > 0 {
            metrics::get().promises_lapsed.inc_by(promises);
            tracing::info!(promises, "room that was kept for silent uploads went to others");
        }
    }

    /// Counts a stored upload, unless it is counted already or finished. Room is kept for it if `room` says
    /// how much there is.
    fn insert(&self, upload: &Upload, room: Option<Room>) {
        if upload.state.needs_bytes() {
            self.counts().insert(upload, room);
        }
    }

    /// Notes that a counted upload has this many bytes, and this length. Reports may come late, and twice.
    fn grown(&self, id: UploadId, stored: u64, length: Length) {
        self.counts().change(id, |promise| {
            promise.stored = promise.stored.max(stored);
            promise.length = length.known().map_or(promise.length, Length::Known);
        });
    }

    /// Notes that the upload is not unfinished any more.
    pub(crate) fn forget(&self, id: UploadId) {
        self.counts().remove(id);
    }

    /// Takes the creations whose outcome has to be looked up.
    fn take_doubtful(&self) -> Vec<UploadId> {
        std::mem::take(&mut self.counts().doubtful)
    }

    /// Locks the counts. No code panics while it holds the lock.
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reservation<'_> {
    /// Keeps the count, because the upload is stored.
    pub(super) fn keep(mut self) {
        self.id = None;
    }

    /// Takes the count back, because the upload is certainly not stored.
    pub(super) fn release(mut self) {
        if let Some(id) = self.id.take() {
            self.reservations.forget(id);
        }
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.reservations.counts().doubtful.push(id);
        }
    }
}
