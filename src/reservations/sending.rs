//! Room for the bytes of an upload to which a request sends.

use tokio::time::Instant;

use super::Allowance;
use super::counts::{Promise, Room, STEP, step};
use super::refusal::Refusal;
use crate::message::UserId;
use crate::upload::{Admission, Length, SMALL_BYTES, Upload, UploadId};

/// A request that sends to an upload. Dropped, it leaves the room that is kept for the missing bytes.
#[derive(Debug)]
pub(crate) struct Sending {
    allowance: Allowance,
    id: UploadId,
    owner: UserId,
    length: Length,
    /// The offset up to which there is room.
    until: u64,
    /// The offset at which the body ends, if it says so.
    body_end: Option<u64>,
}

impl Allowance {
    /// Lets an upload take a body that fits it, if there is room for it when it begins. More room is taken as
    /// the bytes come.
    ///
    /// # Errors
    /// [`Refusal::NoRoom`], [`Refusal::NoMoreBytes`].
    pub(crate) async fn take(
        &self,
        upload: &Upload,
        admission: &Admission,
        content_length: Option<u64>,
    ) -> Result<Sending, Refusal> {
        let room = self.room(content_length.unwrap_or(SMALL_BYTES)).await?;
        let left = self.left_to(&upload.owner, upload.length).await?;
        let (allowance, owner, length) = (self.clone(), upload.owner.clone(), admission.length);
        let body_end = content_length.map(|bytes| upload.offset.saturating_add(bytes));
        let mut sending = Sending { allowance, id: upload.id, owner, length, until: 0, body_end };
        sending.begin(upload, content_length.unwrap_or(0), left, room)?;
        Ok(sending)
    }
}

impl Sending {
    /// Checks that there is room for the body, and promises more to an upload that declares its length now,
    /// or whose promise has lapsed. `left` is how many bytes may come without a declared length.
    fn begin(&mut self, upload: &Upload, body: u64, left: u64, room: Room) -> Result<(), Refusal> {
        let mut counts = self.allowance.counts();
        // The upload's own room is not among the room that others may have.
        counts.open(upload, room);
        if upload.created_at <= self.allowance.since {
            counts.move_recalled(self.id, room);
        }
        let declared = match (upload.length, self.length) {
            (Length::Deferred, Length::Known(length)) => Some(length.saturating_sub(upload.offset)),
            _ => None,
        };
        let need = declared.unwrap_or(body);
        if upload.length == Length::Deferred && need > left.saturating_sub(counts.declared_by(&self.owner)) {
            return Err(Refusal::NoMoreBytes(self.allowance.terms.quota.bytes));
        }
        let kept = counts.get(self.id).map_or(0, |promise| promise.kept);
        // Whatever was promised: other processes may have written to the disk.
        if body > room.disk || !counts.could_have(need.saturating_sub(kept), room) {
            return Err(Refusal::NoRoom);
        }
        counts.change(self.id, |promise| {
            promise.length = self.length;
            promise.declared = declared.unwrap_or(0);
        });
        counts.promise(self.id, room);
        self.until = counts.get(self.id).map_or(0, Promise::room_until);
        Ok(())
    }

    /// Notes that bytes before this offset are on the disk, whether a row says so or not.
    pub(crate) fn landed(&self, offset: u64) {
        self.allowance.counts().change(self.id, |promise| promise.land(offset));
    }

    /// Notes that a row says that the upload has its bytes.
    pub(crate) fn recorded(&self, upload: &Upload) {
        self.allowance.counts().change(self.id, |promise| {
            promise.stored = promise.stored.max(upload.offset);
            promise.length = upload.length.known().map_or(promise.length, Length::Known);
            promise.declared = 0;
        });
    }

    /// Makes sure that bytes up to an offset have room before they are written; those before `landed` are on
    /// the disk.
    ///
    /// # Errors
    /// [`Refusal::NoRoom`], and [`Refusal::NoMoreBytes`] for an upload that may end anywhere.
    pub(crate) async fn reach(&mut self, end: u64, landed: u64) -> Result<(), Refusal> {
        if end <= self.until {
            return Ok(());
        }
        let room = self.allowance.room(end - self.until).await?;
        let left = self.allowance.left_to(&self.owner, self.length).await?;
        let mut counts = self.allowance.counts();
        counts.change(self.id, |promise| {
            promise.land(landed);
            promise.heard = room.now;
        });
        // The upload was ended meanwhile.
        let Some(promise) = counts.get(self.id).cloned() else { return Ok(()) };
        let need = end.saturating_sub(promise.room_until());
        let longest = promise.length.known().unwrap_or_else(|| promise.stored.saturating_add(left));
        if end > longest {
            return Err(Refusal::NoMoreBytes(self.allowance.terms.quota.bytes));
        }
        let free = Allowance::make_room(&mut counts, need, room);
        if need > free {
            return Err(Refusal::NoRoom);
        }
        let last = self.body_end.unwrap_or(longest).min(longest).max(end);
        // The more bytes the upload has, the more room is taken for the next ones.
        let wanted = (last - promise.room_until()).min(promise.landed.max(need));
        let more = step(need, wanted, STEP.max(promise.stored), free);
        counts.change(self.id, |promise| promise.kept += more);
        self.until = counts.get(self.id).map_or(end, Promise::room_until).max(end);
        Ok(())
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        self.allowance.counts().change(self.id, |promise| {
            promise.is_open = false;
            promise.declared = 0;
            promise.heard = Instant::now();
            // Bytes that were written without a row may be cut off, and written once more.
            promise.kept = promise.kept.saturating_add(promise.landed.saturating_sub(promise.stored));
            promise.landed = promise.stored;
        });
    }
}
