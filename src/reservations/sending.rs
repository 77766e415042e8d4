//! Room for the bytes of an upload to which somebody sends.

use tokio::time::Instant;

use super::Allowance;
use super::counts::{Promise, SMALL_BYTES, STEP, step};
use super::refusal::Refusal;
use crate::upload::{Admission, Upload, UploadId};

/// Somebody sends to an upload. Dropped, it leaves the room that is kept for what is missing.
#[derive(Debug)]
pub(crate) struct Sending {
    allowance: Allowance,
    id: UploadId,
    /// There is room for what comes before this offset.
    until: u64,
    /// Where the body ends, if it says so.
    body_end: Option<u64>,
}

impl Allowance {
    /// Lets an upload take a body that was found to fit it, as far as there is room when it begins. More room is taken
    /// as the bytes come.
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

    /// Bytes before this offset are on the disk, whether a row says so or not.
    pub(crate) fn landed(&self, offset: u64) {
        self.allowance.reservations.counts().change(self.id, |promise| promise.land(offset));
    }

    /// A row says that the upload has its bytes.
    pub(crate) fn recorded(&self, upload: &Upload) {
        self.allowance.reservations.grown(self.id, upload.offset, upload.length);
    }

    /// Sees to it that bytes up to an offset have room before they are written; those before `landed` are on the disk.
    ///
    /// # Errors
    /// [`Refusal::NoRoom`], and [`Refusal::NoMoreBytes`] of an upload that may end anywhere.
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
        // The more bytes there are, the more room is taken for the next ones.
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
            // What was written without a row may be cut off, and written once more.
            promise.kept = promise.kept.saturating_add(promise.landed.saturating_sub(promise.stored));
            promise.landed = promise.stored;
        });
    }
}
