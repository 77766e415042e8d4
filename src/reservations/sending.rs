//! Room for the bytes of an upload to which a request sends.

use tokio::time::Instant;

use super::Allowance;
use super::counts::{Promise, SMALL_BYTES, STEP, step};
use super::refusal::Refusal;
use crate::upload::{Admission, Upload, UploadId};

/// A request that sends to an upload. Dropped, it leaves the room that is kept for the missing bytes.
#[derive(Debug)]
pub(crate) struct Sending {
    allowance: Allowance,
    id: UploadId,
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
        self.reservations.extend(upload, admission.length, content_length, room, &self.terms)?;
        Ok(Sending::new(self.clone(), upload, content_length))
    }
}

impl Sending {
    fn new(allowance: Allowance, upload: &Upload, content_length: Option<u64>) -> Self {
        let until = {
            let mut counts = allowance.reservations.counts();
            counts.change(upload.id, |promise| {
                promise.is_open = true;
                promise.heard = Instant::now();
            });
            counts.get(upload.id).map_or(0, Promise::room_until)
        };
        let body_end = content_length.map(|bytes| upload.offset.saturating_add(bytes));
        Self { allowance, id: upload.id, until, body_end }
    }

    /// Notes that bytes before this offset are on the disk, whether a row says so or not.
    pub(crate) fn landed(&self, offset: u64) {
        self.allowance.reservations.counts().change(self.id, |promise| promise.land(offset));
    }

    /// Notes that a row says that the upload has its bytes.
    pub(crate) fn recorded(&self, upload: &Upload) {
        self.allowance.reservations.grown(self.id, upload.offset, upload.length);
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
        let reservations = &self.allowance.reservations;
        let mut counts = reservations.counts();
        counts.change(self.id, |promise| {
            promise.land(landed);
            promise.heard = room.now;
        });
        // The upload was ended meanwhile.
        let Some(promise) = counts.get(self.id).cloned() else { return Ok(()) };
        let need = end.saturating_sub(promise.room_until());
        let longest = match promise.length.known() {
            Some(length) => length,
            None => reservations.longest(&counts, &promise, &self.allowance.terms),
        };
        if end > longest {
            return Err(Refusal::NoMoreBytes(self.allowance.terms.max_reserved_bytes));
        }
        let (lapsed, free) = counts.make_room(need, room);
        reservations.lapsed(lapsed);
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
        self.allowance.reservations.counts().change(self.id, |promise| {
            promise.is_open = false;
            promise.heard = Instant::now();
            // Bytes that were written without a row may be cut off, and written once more.
            promise.kept = promise.kept.saturating_add(promise.landed.saturating_sub(promise.stored));
            promise.landed = promise.stored;
        });
    }
}
