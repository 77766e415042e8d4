//! The counts themselves. They wait for nothing and ask nothing; the disk's room and the time come from
//! outside.
//!
//! ```text
//! room of the disk = free + kept for promises + flying
//! ```
//! A promise keeps room for bytes that are not on the disk yet. Room beyond the bytes that the upload has
//! stored is kept on the client's word alone. A user, and all users together, may have only a share of the
//! disk on their word. No upload is refused for that: one without kept room asks for it when its bytes come.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::message::UserId;
use crate::upload::{Concat, Length, Upload, UploadId};

/// The longest upload for which no room is kept before it sends: its bytes come in a write or two. Otherwise
/// creations alone could take up the disk by the thousand.
pub(super) const SMALL_BYTES: u64 = 1024 * 1024;
/// The largest step in which room is taken, or the number of stored bytes if that is larger.
pub(super) const STEP: u64 = 16 * 1024 * 1024;

#[derive(Debug, Default)]
pub(super) struct Counts {
    uploads: HashMap<UploadId, Promise>,
    users: HashMap<Arc<UserId>, Held>,
    /// The bytes for which room is kept.
    kept: u64,
    /// How many of the kept bytes are kept on the clients' word alone.
    unbacked: u64,
    /// Bytes on their way to the disk that belong to no promise.
    flying: u64,
    /// Promises that keep room and to which no request sends, the one silent for longest first.
    resting: BTreeSet<(Instant, UploadId)>,
    /// Creations of which it is unknown whether they were stored.
    pub(super) doubtful: Vec<UploadId>,
    /// Uploads that changed and are not counted, noted while records are read to be counted.
    pub(super) missed: Option<HashSet<UploadId>>,
}

/// The promise to an upload.
#[derive(Debug, Clone)]
pub(super) struct Promise {
    owner: Arc<UserId>,
    pub(super) length: Length,
    pub(super) stored: u64,
    /// The offset before which bytes are on the disk, whether a row says so or not.
    pub(super) landed: u64,
    /// How many bytes after `landed` have room.
    pub(super) kept: u64,
    /// The time when a request sent to the upload last.
    pub(super) heard: Instant,
    /// Whether a request sends to the upload now.
    pub(super) is_open: bool,
}

/// The sums over a user's unfinished uploads.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) uploads: u64,
    pub(super) bytes: u64,
    unbacked: u64,
}

/// The room on the disk, as a request for room sees it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    /// Bytes that the disk may still store.
    pub(super) disk: u64,
    pub(super) now: Instant,
    /// How long a promise may be silent before its room may go to others.
    pub(super) lapse_after: Duration,
}

impl Counts {
    pub(super) fn held_by(&self, owner: &UserId) -> Held {
        self.users.get(owner).copied().unwrap_or_default()
    }

    /// Bytes of the disk that are set aside.
    pub(super) fn taken(&self) -> u64 {
        self.kept.saturating_add(self.flying)
    }

    fn free(&self, room: Room) -> u64 {
        room.disk.saturating_sub(self.taken())
    }

    /// Whether there could be this much free room, if all promises that were silent for long gave theirs up.
    pub(super) fn could_have(&self, bytes: u64, room: Room) -> bool {
        let mut free = self.free(room);
        let mut silent = self.silent(room);
        while free < bytes {
            let Some(id) = silent.next() else { return false };
            free = free.saturating_add(self.uploads.get(&id).map_or(0, |promise| promise.kept));
        }
        true
    }

    fn silent(&self, room: Room) -> impl Iterator<Item = UploadId> {
        let is_silent = move |heard: Instant| room.now.saturating_duration_since(heard) >= room.lapse_after;
        self.resting.iter().take_while(move |(heard, _)| is_silent(*heard)).map(|(_, id)| *id)
    }

    /// Lets promises lapse, the one silent for longest first, until this much room is free or no promise may
    /// lapse any more; answers how many did, and how much is free.
    pub(super) fn make_room(&mut self, bytes: u64, room: Room) -> (u64, u64) {
        let mut lapsed = 0;
        while self.free(room) < bytes {
            let Some(id) = self.silent(room).next() else { break };
            self.change(id, |promise| promise.kept = 0);
            lapsed += 1;
        }
        (lapsed, self.free(room))
    }

    /// How much room a promise of this many bytes may keep. A user's share is a quarter of what the disk has,
    /// or one upload; the share of all users together is three quarters.
    fn share(&self, bytes: u64, held: Held, room: Room) -> u64 {
        let all = (room.disk / 4).saturating_mul(3).saturating_sub(self.unbacked);
        let own = if held.unbacked == 0 { bytes } else { (room.disk / 4).saturating_sub(held.unbacked) };
        bytes.min(all).min(own).min(self.free(room))
    }

    /// Counts an upload, once. Without `room`, no room is kept for it.
    pub(super) fn insert(&mut self, upload: &Upload, room: Option<Room>) {
        if self.uploads.contains_key(&upload.id) {
            return;
        }
        let owner = match self.users.get_key_value(&upload.owner) {
            Some((owner, _)) => Arc::clone(owner),
            None => Arc::new(upload.owner.clone()),
        };
        let held = self.users.entry(Arc::clone(&owner)).or_default();
        held.uploads += 1;
        let stored = upload.offset;
        let (now, length) = (room.map_or_else(Instant::now, |room| room.now), upload.length);
        let promise = Promise { owner, length, stored, landed: stored, kept: 0, heard: now, is_open: false };
        held.bytes = held.bytes.saturating_add(promise.bytes());
        let wanted = if matches!(upload.concat, Concat::Final(_)) { 0 } else { promise.missing() };
        self.uploads.insert(upload.id, promise);
        if let Some(room) = room {
            self.promise(upload.id, wanted, room);
        }
    }

    /// Keeps room for an upload's missing bytes, as far as its owner has a share.
    pub(super) fn promise(&mut self, id: UploadId, wanted: u64, room: Room) {
        let Some(promise) = self.uploads.get(&id) else { return };
        let kept = if promise.bytes() > SMALL_BYTES {
            self.share(wanted.saturating_sub(promise.kept), self.held_by(&promise.owner), room)
        } else {
            0
        };
        self.change(id, |promise| promise.kept += kept);
    }

    pub(super) fn get(&self, id: UploadId) -> Option<&Promise> {
        self.uploads.get(&id)
    }

    pub(super) fn change(&mut self, id: UploadId, change: impl FnOnce(&mut Promise)) {
        let Some(promise) = self.uploads.get_mut(&id) else { return self.miss(id) };
        let before = promise.clone();
        change(promise);
        promise.settle();
        let held = self.users.get_mut(&promise.owner).expect("who has an upload is counted");
        let moved =
            |sum: u64, of: fn(&Promise) -> u64| sum.saturating_sub(of(&before)).saturating_add(of(promise));
        held.bytes = moved(held.bytes, Promise::bytes);
        held.unbacked = moved(held.unbacked, Promise::unbacked);
        self.kept = moved(self.kept, |promise| promise.kept);
        self.unbacked = moved(self.unbacked, Promise::unbacked);
        if before.rests() {
            self.resting.remove(&(before.heard, id));
        }
        if promise.rests() {
            self.resting.insert((promise.heard, id));
        }
    }

    /// Notes a change of an upload that is not counted, or not yet.
    fn miss(&mut self, id: UploadId) {
        if let Some(missed) = &mut self.missed {
            missed.insert(id);
        }
    }

    pub(super) fn remove(&mut self, id: UploadId) {
        if !self.uploads.contains_key(&id) {
            return self.miss(id);
        }
        self.change(id, |promise| promise.kept = 0);
        let Some(promise) = self.uploads.remove(&id) else { return };
        let held = self.users.get_mut(&promise.owner).expect("who has an upload is counted");
        held.uploads -= 1;
        held.bytes = held.bytes.saturating_sub(promise.bytes());
        if held.uploads == 0 {
            self.users.remove(&promise.owner);
        }
    }

    /// Changes one flight's bytes from `before` to `after`.
    pub(super) fn fly(&mut self, before: u64, after: u64) {
        self.flying = self.flying.saturating_sub(before).saturating_add(after);
    }
}

impl Promise {
    /// The bytes that the upload will have, as far as that is known.
    pub(super) fn bytes(&self) -> u64 {
        self.length.known().unwrap_or(self.stored)
    }

    /// The bytes that are not on the disk yet, as far as that is known.
    pub(super) fn missing(&self) -> u64 {
        self.bytes().saturating_sub(self.landed)
    }

    pub(super) fn owner(&self) -> &UserId {
        &self.owner
    }

    /// The offset up to which there is room.
    pub(super) fn room_until(&self) -> u64 {
        self.landed.saturating_add(self.kept)
    }

    /// The room that is kept on the client's word alone.
    fn unbacked(&self) -> u64 {
        self.kept.saturating_sub(self.stored)
    }

    fn rests(&self) -> bool {
        self.kept > 0 && !self.is_open
    }

    /// Notes that bytes before `offset` are on the disk: they need no room any more.
    pub(super) fn land(&mut self, offset: u64) {
        let more = offset.saturating_sub(self.landed);
        self.landed += more;
        self.kept = self.kept.saturating_sub(more);
    }

    fn settle(&mut self) {
        self.land(self.stored);
        if self.length.known().is_some() {
            self.kept = self.kept.min(self.missing());
        } else if !self.is_open {
            self.kept = 0;
        }
        if !self.is_open && self.bytes() <= SMALL_BYTES {
            self.kept = 0;
        }
    }
}

/// How much of the free room a request takes that needs `need` at once and may want more soon: the less is
/// free, the smaller the step.
pub(super) fn step(need: u64, wanted: u64, most: u64, free: u64) -> u64 {
    need.max(wanted.min(most).min(free / 8))
}
