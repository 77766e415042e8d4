//! Message ids: ObjectIds that never run backwards within a conversation.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// An ObjectId: four bytes of seconds, five random ones of the process, three of a counter; big-endian,
/// so that the order of ids is the order of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MessageId([u8; 12]);

/// The text is not 24 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not 24 hexadecimal digits")]
pub struct InvalidId;

impl MessageId {
    /// The bytes behind the digits.
    pub fn as_bytes(&self) -> &[u8; 12] {
        &self.0
    }

    /// An id of these twelve bytes.
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

/// A message's id and `created_at`, allocated together when finalization starts and kept for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Stamp {
    /// The message's id.
    pub id: MessageId,
    /// The message's `created_at`.
    pub at: Timestamp,
}

/// Allocates stamps. A store owns one and calls it where it orders changes, so that within a conversation
/// neither ids nor times ever run backwards, whatever the clock does.
#[derive(Debug)]
pub struct MessageIds {
    process: [u8; 5],
    counter: u32,
}

const COUNTER_END: u32 = 1 << 24;

impl MessageIds {
    /// A generator with eight random bytes of its own.
    pub fn new(random: [u8; 8]) -> Self {
        let [a, b, c, d, e, x, y, z] = random;
        Self { process: [a, b, c, d, e], counter: u32::from_be_bytes([0, x, y, z]) }
    }

    /// The stamp of the next message of a conversation whose latest one is `last`.
    pub fn stamp(&mut self, now: Timestamp, last: Option<Stamp>) -> Stamp {
        let at = last.map_or(now, |last| now.max(last.at));
        let id = self.next(at.secs());
        match last {
            // Another process's random part, or the counter's wrap, can sort lower within one second.
            Some(last) if id <= last.id => Stamp { id: self.next(u64::from(seconds_of(last.id)) + 1), at },
            _ => Stamp { id, at },
        }
    }

    fn next(&mut self, secs: u64) -> MessageId {
        self.counter = (self.counter + 1) % COUNTER_END;
        let mut bytes = [0; 12];
        bytes[..4].copy_from_slice(&u32::try_from(secs).unwrap_or(u32::MAX).to_be_bytes());
        bytes[4..9].copy_from_slice(&self.process);
        bytes[9..].copy_from_slice(&self.counter.to_be_bytes()[1..]);
        MessageId(bytes)
    }
}

fn seconds_of(id: MessageId) -> u32 {
    u32::from_be_bytes([id.0[0], id.0[1], id.0[2], id.0[3]])
}

#[cfg(test)]
mod tests {
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

    proptest! {
        /// Whatever the clock does and however often the process starts anew.
        #[test]
        fn stamps_never_run_backwards(
            steps in prop::collection::vec((any::<bool>(), 0u64..4_000, any::<[u8; 8]>()), 1..80)
        ) {
            let mut ids = MessageIds::new([0xff; 8]);
            let mut last = None;
            for (restart, millis, random) in steps {
                if restart {
                    ids = MessageIds::new(random);
                }
                let stamp = ids.stamp(Timestamp::from_millis(millis), last);
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
