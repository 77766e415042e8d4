//! What unfinished uploads were promised: how many each user has, how many bytes those may come to, and how many
//! of these the disk does not hold yet. Who is admitted can be completed: uploads that run side by side do not
//! fill the disk up for each other.
//!
//! The counts are in memory. A creation is counted before it is stored, so that many at once cannot pass together;
//! from then on [`Counted`] stores tell of every change, and at the start the records are counted in the
//! background.

mod allowance;
mod counted;
mod start;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::error::UploadError;
use super::limits::Limits;
use crate::message::UserId;
use crate::store::Stores;
use crate::upload::{Length, Upload, UploadId};
pub(super) use allowance::Allowance;
use counted::Counted;

/// Uploads up to this length have no space of the disk set aside: they come in a write or two, and the bytes that
/// the server keeps free anyway are there for such. If they had, creations alone, without a byte behind them,
/// could take up the disk by the thousand.
const SMALL_BYTES: u64 = 1024 * 1024;

/// The counts of all unfinished uploads.
#[derive(Debug, Default)]
pub struct Reservations(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    uploads: HashMap<UploadId, Promise>,
    users: HashMap<Arc<UserId>, Held>,
    /// Bytes that were promised room on the disk and are not there yet.
    missing: u64,
    /// Creations of which nobody heard whether they were stored.
    doubtful: Vec<UploadId>,
    /// While records are read to be counted: those that changed and are not counted.
    missed: Option<HashSet<UploadId>>,
}

/// What an upload was promised.
#[derive(Debug)]
struct Promise {
    owner: Arc<UserId>,
    length: Length,
    stored: u64,
}

/// What a user's unfinished uploads come to.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Held {
    uploads: u64,
    bytes: u64,
}

/// A creation that is counted and not stored yet. If nobody hears whether it was, it is counted until somebody
/// has looked.
#[derive(Debug)]
pub(super) struct Reservation<'a> {
    reservations: &'a Reservations,
    id: Option<UploadId>,
}

impl Reservations {
    /// Counts over these stores: the answer's records and messages tell of every change that is made through
    /// them.
    pub fn over(stores: Stores) -> (Stores, Arc<Self>) {
        let reservations = Arc::new(Self::default());
        let counted = Arc::new(Counted::new(stores.clone(), Arc::clone(&reservations)));
        (Stores { records: counted.clone(), messages: counted, ..stores }, reservations)
    }

    /// Counts a creation, if the owner may have one more and `room` on the disk is enough for it beside all that
    /// was promised.
    ///
    /// # Errors
    /// [`UploadError::TooManyUnfinished`], [`UploadError::TooMuchReserved`], [`UploadError::NoRoom`].
    pub(super) fn reserve(
        &self,
        upload: &Upload,
        room: u64,
        limits: &Limits,
    ) -> Result<Reservation<'_>, UploadError> {
        let mut counts = self.counts();
        let promise = Promise::of(upload, Arc::new(upload.owner.clone()));
        let held = counts.held_by(&upload.owner);
        if held.uploads >= limits.max_unfinished {
            return Err(UploadError::TooManyUnfinished);
        }
        if promise.bytes() > limits.max_reserved_bytes.saturating_sub(held.bytes) {
            return Err(UploadError::TooMuchReserved);
        }
        if counts.missing.saturating_add(promise.bytes()) > room {
            return Err(UploadError::NoRoom);
        }
        counts.insert(upload);
        Ok(Reservation { reservations: self, id: Some(upload.id) })
    }

    /// Promises more to an upload that had not said its length: all that is missing if it says it now, else
    /// nothing, and it is only seen whether it may take so many bytes.
    ///
    /// # Errors
    /// [`UploadError::NoMoreBytes`], [`UploadError::NoRoom`].
    fn extend(
        &self,
        upload: &Upload,
        length: Length,
        bytes: u64,
        room: u64,
        limits: &Limits,
    ) -> Result<(), UploadError> {
        let mut counts = self.counts();
        let bytes = length.known().map_or(bytes, |length| length.saturating_sub(upload.offset));
        if bytes > limits.max_reserved_bytes.saturating_sub(counts.held_by(&upload.owner).bytes) {
            return Err(UploadError::NoMoreBytes);
        }
        if counts.missing.saturating_add(bytes) > room {
            return Err(UploadError::NoRoom);
        }
        counts.change(upload.id, |promise| promise.length = length);
        Ok(())
    }

    /// Bytes that were promised room on the disk and are not there yet.
    pub(super) fn missing(&self) -> u64 {
        self.counts().missing
    }

    /// Counts an upload that is stored; nothing if it is counted already, or finished.
    fn insert(&self, upload: &Upload) {
        if upload.state.needs_bytes() {
            self.counts().insert(upload);
        }
    }

    /// An upload that is counted has so many bytes, of this length. What was heard before may be heard again, and
    /// late.
    fn grown(&self, id: UploadId, stored: u64, length: Length) {
        self.counts().change(id, |promise| {
            promise.stored = promise.stored.max(stored);
            promise.length = length.known().map_or(promise.length, Length::Known);
        });
    }

    /// The upload is not unfinished any more.
    fn forget(&self, id: UploadId) {
        self.counts().remove(id);
    }

    /// Creations whose fate has to be looked up.
    fn take_doubtful(&self) -> Vec<UploadId> {
        std::mem::take(&mut self.counts().doubtful)
    }

    /// No code panics while it holds the lock.
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    fn held_by(&self, owner: &UserId) -> Held {
        self.users.get(owner).copied().unwrap_or_default()
    }

    fn insert(&mut self, upload: &Upload) {
        if self.uploads.contains_key(&upload.id) {
            return;
        }
        let owner = match self.users.get_key_value(&upload.owner) {
            Some((owner, _)) => Arc::clone(owner),
            None => Arc::new(upload.owner.clone()),
        };
        let promise = Promise::of(upload, Arc::clone(&owner));
        let held = self.users.entry(owner).or_default();
        held.uploads += 1;
        held.bytes = held.bytes.saturating_add(promise.bytes());
        self.missing = self.missing.saturating_add(promise.missing());
        self.uploads.insert(upload.id, promise);
    }

    fn change(&mut self, id: UploadId, change: impl FnOnce(&mut Promise)) {
        let Some(promise) = self.uploads.get_mut(&id) else { return self.miss(id) };
        let (bytes, missing) = (promise.bytes(), promise.missing());
        change(promise);
        let held = self.users.get_mut(&promise.owner).expect("who has an upload is counted");
        held.bytes = held.bytes.saturating_sub(bytes).saturating_add(promise.bytes());
        self.missing = self.missing.saturating_sub(missing).saturating_add(promise.missing());
    }

    /// Has heard of a change of what is not counted, or not yet.
    fn miss(&mut self, id: UploadId) {
        if let Some(missed) = &mut self.missed {
            missed.insert(id);
        }
    }

    fn remove(&mut self, id: UploadId) {
        let Some(promise) = self.uploads.remove(&id) else { return self.miss(id) };
        self.missing = self.missing.saturating_sub(promise.missing());
        let held = self.users.get_mut(&promise.owner).expect("who has an upload is counted");
        held.uploads -= 1;
        held.bytes = held.bytes.saturating_sub(promise.bytes());
        if held.uploads == 0 {
            self.users.remove(&promise.owner);
        }
    }
}

impl Promise {
    fn of(upload: &Upload, owner: Arc<UserId>) -> Self {
        Self { owner, length: upload.length, stored: upload.offset }
    }

    /// What the upload may come to, as far as it is known.
    fn bytes(&self) -> u64 {
        self.length.known().unwrap_or(self.stored)
    }

    /// What has to be kept free for it.
    fn missing(&self) -> u64 {
        if self.bytes() > SMALL_BYTES { self.bytes().saturating_sub(self.stored) } else { 0 }
    }
}

impl Reservation<'_> {
    /// The upload is stored.
    pub(super) fn keep(mut self) {
        self.id = None;
    }

    /// It is certain that it is not.
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
