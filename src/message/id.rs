//! Message ids: ObjectIds that never run backwards within a conversation.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::time::Timestamp;

/// A message's id, an ObjectId: four bytes of seconds and eight bytes of a number, big-endian. The number is
/// random; after another id of the same second and conversation, it is that id's plus a random step. So the
/// order of ids is the order in which a conversation's messages were claimed. The order of their commits is
/// their [`Position`](crate::store::Position). An id tells nothing about other conversations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MessageId([u8; 12]);

/// The text is not 24 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not 24 hexadecimal digits")]
pub struct InvalidId;

impl MessageId {
    /// The twelve bytes of the id.
    pub fn as_bytes(&self) -> &[u8; 12] {
        &self.0
    }

    /// The id's second.
    pub fn secs(&self) -> u64 {
        u64::from(self.split().0)
    }

    /// The first id of the second that is this many seconds earlier.
    #[must_use]
    pub fn earlier(self, secs: u32) -> Self {
        Self::join(self.split().0.saturating_sub(secs), 0)
    }

    /// The id with these twelve bytes.
    pub fn from_bytes(bytes: [u8; 12]) -> Self {
        Self(bytes)
    }
}

impl FromStr for MessageId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        parse_hex(text).map(Self)
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
    }
}

/// Reads 24 hexadecimal digits of either case.
pub(super) fn parse_hex(text: &str) -> Result<[u8; 12], InvalidId> {
    let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(text.as_bytes()).map_err(|_| InvalidId)?;
    bytes.try_into().map_err(|_| InvalidId)
}

/// A message's id and `created_at`, allocated together by the claim and kept for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Stamp {
    /// The message's id.
    pub id: MessageId,
    /// The message's `created_at`.
    pub at: Timestamp,
}

/// The allocator of stamps. A store owns one and calls it where it orders changes, so that within a
/// conversation neither ids nor times ever run backwards, whatever the clock does.
pub struct MessageIds {
    seed: [u8; 32],
    /// How many random numbers have been drawn.
    drawn: u64,
}

/// The longest step to the next id of the same second: too long for trying the ids after a known one, and
/// short enough for millions of ids.
const LONGEST_STEP: u64 = 1 << 40;

impl MessageIds {
    /// An allocator whose numbers follow from the seed and cannot be guessed without it.
    pub fn new(seed: [u8; 32]) -> Self {
        Self { seed, drawn: 0 }
    }

    /// The stamp of a conversation's next message, after `last`, its latest one. `is_taken` knows the
    /// messages of all conversations.
    ///
    /// `is_taken` does not know an id that is claimed and has no message yet. A collision with one needs the
    /// same second: with ten thousand such claims, ten thousand further messages in that second meet one of
    /// them once in 10¹¹ times.
    ///
    /// # Errors
    /// The errors of `is_taken`.
    pub fn stamp<E>(
        &mut self,
        now: Timestamp,
        last: Option<Stamp>,
        is_taken: impl Fn(MessageId) -> Result<bool, E>,
    ) -> Result<Stamp, E> {
        let at = last.map_or(now, |last| now.max(last.at));
        loop {
            let id = self.next(at.secs(), last.map(|last| last.id));
            if !is_taken(id)? {
                return Ok(Stamp { id, at });
            }
        }
    }

    fn next(&mut self, secs: u64, last: Option<MessageId>) -> MessageId {
        let secs = u32::try_from(secs).unwrap_or(u32::MAX);
        match last.map(MessageId::split) {
            Some((latest, rest)) if latest >= secs => {
                match rest.checked_add(1 + self.random() % LONGEST_STEP) {
                    Some(rest) => MessageId::join(latest, rest),
                    None => MessageId::join(latest.saturating_add(1), self.first()),
                }
            }
            _ => MessageId::join(secs, self.first()),
        }
    }

    /// The first number of a second: in the lower half, so that there is room after it.
    fn first(&mut self) -> u64 {
        self.random() >> 1
    }

    fn random(&mut self) -> u64 {
        self.drawn += 1;
        let digest = Sha256::new().chain_update(self.seed).chain_update(self.drawn.to_be_bytes()).finalize();
        u64::from_be_bytes(*digest.first_chunk().expect("32 bytes begin with 8"))
    }
}

impl fmt::Debug for MessageIds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageIds").field("drawn", &self.drawn).finish_non_exhaustive()
    }
}

impl MessageId {
    /// The next higher id.
    #[must_use]
    pub fn successor(self) -> Self {
        match self.split() {
            (secs, u64::MAX) => Self::join(secs.saturating_add(1), 0),
            (secs, rest) => Self::join(secs, rest + 1),
        }
    }

    /// The id's seconds, and its number.
    fn split(self) -> (u32, u64) {
        let number = self.0.iter().fold(0u128, |number, byte| number << 8 | u128::from(*byte));
        let [secs, rest] = [number >> 64, number & u128::from(u64::MAX)];
        (u32::try_from(secs).expect("four bytes are left"), u64::try_from(rest).expect("eight bytes"))
    }

    fn join(secs: u32, rest: u64) -> Self {
        let mut bytes = [0; 12];
        bytes[..4].copy_from_slice(&secs.to_be_bytes());
        bytes[4..].copy_from_slice(&rest.to_be_bytes());
        Self(bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::convert::Infallible;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_id_is_24_hex_digits() {
        for (text, ok) in [
            ("507f1f77bcf86cd799439011", true),
            ("507F1F77BCF86CD799439011", true),
            ("507f1f77bcf86cd79943901", false),
            ("507f1f77bcf86cd7994390111", false),
            ("507f1f77bcf86cd79943901g", false),
            ("", false),
        ] {
            assert_eq!(text.parse::<MessageId>().is_ok(), ok, "{text}");
        }
        let id: MessageId = "507F1F77BCF86CD799439011".parse().expect("valid");
        assert_eq!(id.to_string(), "507f1f77bcf86cd799439011");
    }

    fn free(_: MessageId) -> Result<bool, Infallible> {
        Ok(false)
    }

    fn stamp_of(secs: u32, rest: u64) -> Stamp {
        Stamp { id: MessageId::join(secs, rest), at: Timestamp::from_millis(u64::from(secs) * 1000 + 7) }
    }

    #[test]
    fn what_is_joined_is_split() {
        for (secs, rest) in [(0, 0), (u32::MAX, u64::MAX), (0x507f_1f77, 0xbcf8_6cd7_9943_9011), (7, 1 << 63)]
        {
            assert_eq!(MessageId::join(secs, rest).split(), (secs, rest));
        }
        assert_eq!(
            MessageId::join(0x507f_1f77, 0xbcf8_6cd7_9943_9011).to_string(),
            "507f1f77bcf86cd799439011"
        );
    }

    #[test]
    fn a_successor_is_the_next_one() {
        for (id, next) in [((7, 0), (7, 1)), ((7, u64::MAX), (8, 0))] {
            assert_eq!(MessageId::join(id.0, id.1).successor(), MessageId::join(next.0, next.1));
        }
    }

    #[test]
    fn an_earlier_id_is_the_first_of_its_second() {
        for (secs, before, expected) in
            [(100, 60, 40), (100, 0, 100), (59, 60, 0), (u32::MAX, 1, u32::MAX - 1)]
        {
            let earlier = MessageId::join(secs, 7).earlier(before);
            assert_eq!(earlier, MessageId::join(expected, 0), "{before} before {secs}");
            assert_eq!(earlier.secs(), u64::from(expected));
        }
    }

    /// The second of an id, and whether the id begins that second or continues after the last one.
    #[test]
    fn an_id_goes_on_within_its_second_and_begins_anew_in_the_next() {
        let near_end = u64::MAX - 1;
        for (what, now_secs, last, secs, goes_on) in [
            ("the first of all", 100, None, 100, false),
            ("of a later second", 101, Some((100, 5)), 101, false),
            ("of a later second, after the highest", 101, Some((100, u64::MAX)), 101, false),
            ("of the same second", 100, Some((100, 5)), 100, true),
            ("with a clock that ran backwards", 40, Some((100, 5)), 100, true),
            ("with no room in the second", 100, Some((100, u64::MAX)), 101, false),
            ("with no room, and a clock that ran backwards", 40, Some((100, u64::MAX)), 101, false),
            ("behind one that went on to the next second", 100, Some((101, 5)), 101, true),
            ("with next to no room", 100, Some((100, near_end)), 101, false),
        ] {
            let mut ids = MessageIds::new([3; 32]);
            let last = last.map(|(secs, rest)| stamp_of(secs, rest));
            let Ok(next) = ids.stamp(Timestamp::from_millis(now_secs * 1000), last, free);
            let (is_secs, rest) = next.id.split();
            assert_eq!(is_secs, secs, "{what}");
            match last.filter(|_| goes_on) {
                Some(last) => {
                    let step = rest - last.id.split().1;
                    assert!((1..=LONGEST_STEP).contains(&step), "{what}: {step}");
                }
                None => assert!(rest >> 63 == 0, "{what}: there is room behind it"),
            }
            assert!(last.is_none_or(|last| next.id > last.id && next.at >= last.at), "{what}");
        }
    }

    #[test]
    fn an_id_that_is_taken_is_passed_over() {
        for last in [None, Some(stamp_of(100, 5)), Some(stamp_of(100, u64::MAX))] {
            let draw = |taken: &[MessageId]| {
                let mut ids = MessageIds::new([4; 32]);
                let is_taken = |id| Ok::<_, Infallible>(taken.contains(&id));
                let Ok(stamp) = ids.stamp(Timestamp::from_millis(100_000), last, is_taken);
                stamp.id
            };
            let mut taken = Vec::new();
            for _ in 0..5 {
                let id = draw(&taken);
                assert!(!taken.contains(&id) && last.is_none_or(|last| id > last.id));
                taken.push(id);
            }
        }
        let failed = MessageIds::new([5; 32]).stamp(Timestamp::from_millis(1), None, |_| Err("unreadable"));
        assert_eq!(failed, Err("unreadable"));
    }

    /// An id tells neither how many messages others have, nor which process made it.
    #[test]
    fn an_id_says_nothing_about_other_conversations() {
        let mut ids = MessageIds::new([6; 32]);
        let now = Timestamp::from_millis(100_000);
        let drawn: Vec<_> = (0..1000).map(|_| ids.stamp(now, None, free).map(|stamp| stamp.id)).collect();
        let drawn: Vec<MessageId> = drawn.into_iter().map(|Ok(id)| id).collect();
        for part in [4..9, 9..12, 4..6] {
            let increases = drawn.windows(2).filter(|two| two[0].0[part.clone()] < two[1].0[part.clone()]);
            let share = increases.count();
            assert!((400..600).contains(&share), "{part:?}: {share} of 999 go up");
        }
        let middles: BTreeSet<_> = drawn.iter().map(|id| id.0[4..9].to_vec()).collect();
        assert_eq!(middles.len(), drawn.len());
        let mut other = MessageIds::new([7; 32]);
        let Ok(other) = other.stamp(now, None, free);
        assert!(!drawn.contains(&other.id));
    }

    proptest! {
        /// The clock may do anything, and the process may start anew at any time.
        #[test]
        fn stamps_never_run_backwards(
            steps in prop::collection::vec((any::<bool>(), 0u64..4_000, any::<[u8; 32]>()), 1..80)
        ) {
            let mut ids = MessageIds::new([0xff; 32]);
            let mut last = None;
            for (restart, millis, random) in steps {
                if restart {
                    ids = MessageIds::new(random);
                }
                let Ok(stamp) = ids.stamp(Timestamp::from_millis(millis), last, free);
                if let Some(last) = last {
                    let last: Stamp = last;
                    prop_assert!(stamp.id > last.id);
                    prop_assert!(stamp.at >= last.at);
                }
                last = Some(stamp);
            }
        }
    }
}
