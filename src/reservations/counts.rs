//! The room that is set aside on a disk. The counts wait for nothing and ask nothing; the disk's room and the
//! time come from outside.
//!
//! ```text
//! room of the disk = free + kept for promises + kept from before the start + flying
//! ```
//! A promise keeps room for bytes that are not on the disk yet. Room beyond the bytes that the upload has
//! stored is kept on the client's word alone. A user, and all users together, may have only a share of the
//! disk on their word. No upload is refused for that: one without kept room asks for it when its bytes come.
//! So a promise may be lost at any time, and only one that keeps room, or that a request sends to, is here.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use tokio::time::Instant;

use crate::message::UserId;
use crate::upload::{Concat, Length, SMALL_BYTES, Upload, UploadId};

/// The largest step in which room is taken, or the number of stored bytes if that is larger.
pub(super) const STEP: u64 = 16 * 1024 * 1024;

#[derive(Debug, Default)]
pub(super) struct Counts {
    promises: HashMap<UploadId, Promise>,
    users: HashMap<UserId, Words>,
    /// The bytes for which room is kept.
    kept: u64,
    /// How many of the kept bytes are kept on the clients' word alone.
    unbacked: u64,
    /// Bytes on their way to the disk that belong to no promise.
    flying: u64,
    /// Bytes kept in one piece for uploads from before the start that were not heard yet, and since when.
    recalled: Option<(u64, Instant)>,
    /// Promises that keep room and to which no request sends, the one silent for longest first.
    resting: BTreeSet<(Instant, UploadId)>,
}

/// The promise to an upload.
#[derive(Debug, Clone)]
pub(super) struct Promise {
    owner: UserId,
    pub(super) length: Length,
    pub(super) stored: u64,
    /// The offset before which bytes are on the disk, whether a row says so or not.
    pub(super) landed: u64,
    /// How many bytes after `landed` have room.
    pub(super) kept: u64,
    /// How many bytes of a length that was declared are in no record yet.
    pub(super) declared: u64,
    /// The time when a request sent to the upload last.
    pub(super) heard: Instant,
    /// Whether a request sends to the upload now.
    pub(super) is_open: bool,
}

/// The sums over a user's promises.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Words {
    unbacked: u64,
    declared: u64,
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
    /// Keeps room for what uploads from before the start lack, until they were silent for long. All of it is
    /// kept on the clients' word.
    pub(super) fn recall(&mut self, missing: u64, room: Room) {
        self.recalled = Some((missing.min(room.of_all()), room.now));
    }

    fn recalled(&self, room: Room) -> u64 {
        self.recalled.filter(|(_, since)| !room.is_silent(*since)).map_or(0, |(bytes, _)| bytes)
    }

    /// Keeps room for a new upload, if there could be enough for all of it; answers whether there could.
    pub(super) fn reserve(&mut self, upload: &Upload, room: Room) -> bool {
        // A join waits for room when it begins, and then needs none for the bytes that it shares.
        let is_final = matches!(upload.concat, Concat::Final(_));
        let needed = if is_final { 0 } else { upload.length.known().unwrap_or(1) };
        let has_room = self.could_have(needed, room);
        if has_room && !is_final {
            self.open(upload, room);
            self.promise(upload.id, room);
            self.change(upload.id, |promise| promise.is_open = false);
        }
        has_room
    }

    /// Bytes of the disk that are set aside.
    pub(super) fn taken(&self, room: Room) -> u64 {
        self.kept.saturating_add(self.flying).saturating_add(self.recalled(room))
    }

    fn free(&self, room: Room) -> u64 {
        room.disk.saturating_sub(self.taken(room))
    }

    /// Whether there could be this much free room, if all promises that were silent for long gave theirs up.
    pub(super) fn could_have(&self, bytes: u64, room: Room) -> bool {
        let mut free = self.free(room);
        let mut silent = self.silent(room);
        while free < bytes {
            let Some(id) = silent.next() else { return false };
            free = free.saturating_add(self.get(id).map_or(0, |promise| promise.kept));
        }
        true
    }

    fn silent(&self, room: Room) -> impl Iterator<Item = UploadId> {
        self.resting.iter().take_while(move |(heard, _)| room.is_silent(*heard)).map(|(_, id)| *id)
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
    fn share(&self, bytes: u64, owner: &UserId, room: Room) -> u64 {
        let unbacked = self.words_of(owner).unbacked;
        let all = room.of_all().saturating_sub(self.unbacked).saturating_sub(self.recalled(room));
        let own = if unbacked == 0 { bytes } else { (room.disk / 4).saturating_sub(unbacked) };
        bytes.min(all).min(own).min(self.free(room))
    }

    /// Opens the promise to an upload, which may keep nothing.
    pub(super) fn open(&mut self, upload: &Upload, room: Room) {
        let (owner, length, stored, heard) = (upload.owner.clone(), upload.length, upload.offset, room.now);
        let (kept, declared, landed) = (0, 0, stored);
        let new = Promise { owner, length, stored, landed, kept, declared, heard, is_open: true };
        self.promises.entry(upload.id).or_insert(new);
        self.change(upload.id, |promise| {
            promise.stored = promise.stored.max(stored);
            promise.is_open = true;
            promise.heard = heard;
        });
    }

    /// Moves room that was recalled to the promise of an upload from before the start.
    pub(super) fn move_recalled(&mut self, id: UploadId, room: Room) {
        let bytes = self.recalled(room);
        let (Some((_, since)), Some(promise)) = (self.recalled, self.get(id)) else { return };
        let (missing, before) = (promise.missing(), promise.kept);
        if bytes > 0 {
            // What is kept for this upload is not taken by another.
            self.recalled = Some((bytes.saturating_sub(missing), since));
            self.promise(id, room);
            let moved = self.get(id).map_or(0, |promise| promise.kept - before);
            self.recalled = Some((bytes.saturating_sub(moved), since));
        }
    }

    /// Keeps room for an upload's missing bytes, as far as its owner has a share.
    pub(super) fn promise(&mut self, id: UploadId, room: Room) {
        let Some(promise) = self.get(id).filter(|promise| promise.bytes() > SMALL_BYTES) else { return };
        let more = promise.missing().saturating_sub(promise.kept);
        let more = self.share(more, &promise.owner, room);
        self.change(id, |promise| promise.kept += more);
    }

    /// How many bytes the user's requests have declared that are in no record yet.
    pub(super) fn declared_by(&self, owner: &UserId) -> u64 {
        self.words_of(owner).declared
    }

    fn words_of(&self, owner: &UserId) -> Words {
        self.users.get(owner).copied().unwrap_or_default()
    }

    pub(super) fn get(&self, id: UploadId) -> Option<&Promise> {
        self.promises.get(&id)
    }

    pub(super) fn change(&mut self, id: UploadId, change: impl FnOnce(&mut Promise)) {
        let Some(promise) = self.promises.get_mut(&id) else { return };
        let before = promise.clone();
        change(promise);
        promise.settle();
        let after = promise.clone();
        let moved =
            |sum: u64, of: fn(&Promise) -> u64| sum.saturating_sub(of(&before)).saturating_add(of(&after));
        let words = self.users.entry(after.owner.clone()).or_default();
        words.unbacked = moved(words.unbacked, Promise::unbacked);
        words.declared = moved(words.declared, |promise| promise.declared);
        if *words == Words::default() {
            self.users.remove(&after.owner);
        }
        self.kept = moved(self.kept, |promise| promise.kept);
        self.unbacked = moved(self.unbacked, Promise::unbacked);
        if before.rests() {
            self.resting.remove(&(before.heard, id));
        }
        if after.rests() {
            self.resting.insert((after.heard, id));
        } else if !after.is_open {
            self.promises.remove(&id);
        }
    }

    /// Takes a promise back.
    pub(super) fn remove(&mut self, id: UploadId) {
        self.change(id, |promise| {
            promise.kept = 0;
            promise.declared = 0;
            promise.is_open = false;
        });
    }

    /// Changes one flight's bytes from `before` to `after`.
    pub(super) fn fly(&mut self, before: u64, after: u64) {
        self.flying = self.flying.saturating_sub(before).saturating_add(after);
    }
}

impl Room {
    /// The share that all users together may have on their word.
    fn of_all(self) -> u64 {
        (self.disk / 4).saturating_mul(3)
    }

    fn is_silent(self, heard: Instant) -> bool {
        self.now.saturating_duration_since(heard) >= self.lapse_after
    }
}

impl Promise {
    /// The bytes that the upload will have, as far as that is known.
    fn bytes(&self) -> u64 {
        self.length.known().unwrap_or(self.stored)
    }

    /// The bytes that are not on the disk yet, as far as that is known.
    fn missing(&self) -> u64 {
        self.bytes().saturating_sub(self.landed)
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
