//! Room for bytes that belong to no promise: those of an upload in one piece, and those that a join copies.

use super::Allowance;
use super::counts::{STEP, step};
use super::refusal::Refusal;

/// The most bytes of an upload in one piece that are taken and may not be on the disk yet: a buffer that is
/// being filled, one that waits for its turn, and three whose writes are under way.
pub(super) const UNWRITTEN: u64 = 5 * 1024 * 1024;

/// Room that is set aside until it is dropped.
#[derive(Debug)]
pub(crate) struct Flight {
    allowance: Allowance,
    bytes: u64,
    /// The offset up to which there is room.
    until: u64,
}

impl Allowance {
    /// Room for bytes that no record knows of.
    pub(crate) fn flight(&self) -> Flight {
        Flight { allowance: self.clone(), bytes: 0, until: 0 }
    }
}

impl Flight {
    /// Makes sure that bytes up to an offset have room before they are written. The disk counts the bytes
    /// that were written before, except the last of them.
    ///
    /// # Errors
    /// [`Refusal::NoRoom`].
    pub(crate) async fn reach(&mut self, end: u64) -> Result<(), Refusal> {
        if end <= self.until {
            return Ok(());
        }
        let (unwritten, fresh) = (self.until.min(UNWRITTEN), end - self.until);
        let bytes = self.take(unwritten.saturating_add(fresh), unwritten.saturating_add(end)).await?;
        self.until += bytes.saturating_sub(unwritten);
        Ok(())
    }

    /// Sets room aside for exactly this many bytes. If it was more before, the rest is on the disk by now.
    ///
    /// # Errors
    /// [`Refusal::NoRoom`]; the room that was set aside before still is.
    pub(crate) async fn keep(&mut self, bytes: u64) -> Result<(), Refusal> {
        if bytes > self.bytes {
            return self.take(bytes, bytes).await.map(drop);
        }
        self.set(bytes);
        Ok(())
    }

    /// Takes room anew: the room that was taken before has become bytes that the disk counts.
    async fn take(&mut self, need: u64, wanted: u64) -> Result<u64, Refusal> {
        let room = self.allowance.room(need).await?;
        let mut counts = self.allowance.counts();
        counts.fly(self.bytes, 0);
        let free = Allowance::make_room(&mut counts, need, room);
        let bytes = if need > free { self.bytes } else { step(need, wanted, STEP, free) };
        counts.fly(0, bytes);
        self.bytes = bytes;
        if need > free { Err(Refusal::NoRoom) } else { Ok(bytes) }
    }

    fn set(&mut self, bytes: u64) {
        self.allowance.counts().fly(self.bytes, bytes);
        self.bytes = bytes;
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.set(0);
    }
}
