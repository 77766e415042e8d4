//! The sums over unfinished uploads, and the decision by them whether their owner may have one more.
//!
//! Every store keeps the sums as rows that change in the same step as the record. So they are known without
//! reading the records, and no kill leaves wrong ones.

use serde::{Deserialize, Serialize};

use super::concat::Concat;
use super::length::Length;
use super::model::Upload;
use super::state::State;

/// The longest upload for which no room is kept before it sends: its bytes come in a write or two. Otherwise
/// creations alone could take up the disk by the thousand.
pub const SMALL_BYTES: u64 = 1024 * 1024;

/// The sums over an owner's unfinished uploads: those whose bytes are needed, without the parts that another
/// upload was made of.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// How many they are.
    pub uploads: u64,
    /// The bytes that they will have; of one without a declared length, the bytes that it has.
    pub bytes: u128,
}

/// What one upload adds to the sums.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Weight {
    /// What it adds to its owner's sums.
    pub held: Held,
    /// The bytes that it lacks and for which room is kept, as far as its owner has a share of the room.
    pub missing: u128,
}

/// The most that the unfinished uploads of an owner may come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// The most uploads.
    pub uploads: u64,
    /// The most bytes.
    pub bytes: u64,
}

/// The bounds of a creation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The owner's quota, unless the owner has none.
    pub quota: Option<Quota>,
    /// Whether there is room for the upload.
    pub has_room: bool,
}

/// The reason why a creation is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CreationRefusal {
    /// The owner has the most unfinished uploads that an owner may have, this many.
    TooManyUnfinished(u64),
    /// The owner's unfinished uploads would come to more bytes than this.
    TooMuchReserved(u64),
    /// There is no room for the bytes now.
    NoRoom,
}

impl Held {
    /// The sums after an upload's weight has changed. Sums that are too low, which would be damage, must not
    /// keep an upload from ending.
    #[must_use]
    pub fn changed(self, before: Self, after: Self) -> Self {
        Self {
            uploads: self.uploads.saturating_add(after.uploads).saturating_sub(before.uploads),
            bytes: self.bytes.saturating_add(after.bytes).saturating_sub(before.bytes),
        }
    }
}

impl Weight {
    /// The weight of an upload that is not counted, or not any more.
    pub const NONE: Self = Self { held: Held { uploads: 0, bytes: 0 }, missing: 0 };

    /// The weight of an upload in this state. One that another upload was made of has none.
    pub fn of(state: &State, length: Length, offset: u64, concat: &Concat) -> Self {
        if !state.needs_bytes() {
            return Self::NONE;
        }
        let bytes = length.known().unwrap_or(offset);
        // A join takes room when it begins, and needs none for the bytes that it shares.
        let is_kept = bytes > SMALL_BYTES && !matches!(concat, Concat::Final(_));
        let missing = if is_kept { bytes.saturating_sub(offset) } else { 0 };
        Self { held: Held { uploads: 1, bytes: bytes.into() }, missing: missing.into() }
    }
}

impl Upload {
    /// The weight of the upload, unless another upload was made of it.
    pub fn weight(&self) -> Weight {
        Weight::of(&self.state, self.length, self.offset, &self.concat)
    }
}

impl Quota {
    /// How many bytes the owner's uploads may still come to.
    pub fn left(&self, held: Held) -> u64 {
        self.bytes.saturating_sub(u64::try_from(held.bytes).unwrap_or(u64::MAX))
    }
}

impl Bounds {
    /// The bounds of an upload that has its bytes already, and its room.
    pub const NONE: Self = Self { quota: None, has_room: true };

    /// Checks that an owner who holds this much may have this upload as well. One without a declared length
    /// must be able to get a byte.
    ///
    /// # Errors
    /// [`CreationRefusal`]
    pub fn admit(&self, held: Held, upload: &Upload) -> Result<(), CreationRefusal> {
        if let Some(quota) = self.quota {
            if held.uploads >= quota.uploads {
                return Err(CreationRefusal::TooManyUnfinished(quota.uploads));
            }
            if upload.length.known().unwrap_or(1) > quota.left(held) {
                return Err(CreationRefusal::TooMuchReserved(quota.bytes));
            }
        }
        if self.has_room { Ok(()) } else { Err(CreationRefusal::NoRoom) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::MessageId;
    use crate::time::Timestamp;
    use crate::upload::{Digests, Metadata, RejectionReason, UploadId};

    const MIB: u64 = 1 << 20;

    fn upload(length: Length, offset: u64) -> Upload {
        let (id, owner) = (UploadId::from_bytes([1; 16]), "ann".parse().expect("valid"));
        let new = Upload::new(
            id,
            owner,
            length,
            Metadata::default(),
            None,
            Digests::Off,
            Timestamp::from_millis(1),
        );
        Upload { offset, ..new }
    }

    fn weight(uploads: u64, bytes: u64, missing: u64) -> Weight {
        Weight { held: Held { uploads, bytes: bytes.into() }, missing: missing.into() }
    }

    #[test]
    fn an_upload_weighs_what_it_will_have_and_what_it_lacks() {
        let parts = Concat::parse(&format!("final;/files/{}", UploadId::from_bytes([2; 16]))).expect("valid");
        for (concat, length, offset, expected) in [
            (Concat::Whole, Length::Known(5 * MIB), 0, weight(1, 5 * MIB, 5 * MIB)),
            (Concat::Partial, Length::Known(5 * MIB), 2 * MIB, weight(1, 5 * MIB, 3 * MIB)),
            (Concat::Whole, Length::Known(MIB), 0, weight(1, MIB, 0)),
            (Concat::Whole, Length::Known(0), 0, weight(1, 0, 0)),
            (Concat::Whole, Length::Deferred, 3 * MIB, weight(1, 3 * MIB, 0)),
            (parts, Length::Known(5 * MIB), 2 * MIB, weight(1, 5 * MIB, 0)),
        ] {
            assert_eq!(Upload { concat, ..upload(length, offset) }.weight(), expected, "{length:?} {offset}");
        }
    }

    #[test]
    fn only_uploads_whose_bytes_are_needed_weigh() {
        let message = MessageId::from_bytes([1; 12]);
        let rejected = State::Receiving.reject(RejectionReason::Damaged).expect("legal");
        for (state, is_counted) in [
            (State::Receiving, true),
            (State::Complete, true),
            (State::Committed(message), false),
            (rejected, false),
            (State::Expired, false),
        ] {
            let upload = Upload { state, ..upload(Length::Known(3), 3) };
            assert_eq!(upload.weight() != Weight::NONE, is_counted, "{:?}", upload.state);
        }
    }

    #[test]
    fn an_owner_may_have_one_more_up_to_the_quota_and_the_room() {
        let quota = Some(Quota { uploads: 3, bytes: 100 });
        let (bound, full) = (Bounds { quota, has_room: true }, Bounds { quota, has_room: false });
        let unbound = Bounds { quota: None, has_room: true };
        let (many, much) = (CreationRefusal::TooManyUnfinished(3), CreationRefusal::TooMuchReserved(100));
        for (bounds, uploads, bytes, length, expected) in [
            (bound, 2, 60, Length::Known(40), Ok(())),
            (bound, 2, 60, Length::Known(41), Err(much)),
            (bound, 3, 60, Length::Known(0), Err(many)),
            (bound, 1, 100, Length::Known(0), Ok(())),
            (bound, 1, 200, Length::Known(0), Ok(())),
            (bound, 1, 99, Length::Deferred, Ok(())),
            (bound, 1, 100, Length::Deferred, Err(much)),
            (full, 0, 0, Length::Known(1), Err(CreationRefusal::NoRoom)),
            (full, 3, 0, Length::Known(1), Err(many)),
            (unbound, 9, u128::MAX, Length::Known(u64::MAX), Ok(())),
        ] {
            let outcome = bounds.admit(Held { uploads, bytes }, &upload(length, 0));
            assert_eq!(outcome, expected, "{bounds:?} {uploads} {bytes} {length:?}");
        }
    }

    #[test]
    fn what_was_added_is_taken_off_again() {
        let (held, one) = (Held { uploads: 2, bytes: 9 }, Held { uploads: 1, bytes: u64::MAX.into() });
        let more = held.changed(Held::default(), one);
        assert_eq!(more, Held { uploads: 3, bytes: 9 + u128::from(u64::MAX) });
        assert_eq!(more.changed(one, Held::default()), held);
        assert_eq!(Held::default().changed(one, Held::default()), Held::default());
    }
}
