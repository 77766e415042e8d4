//! The SHA-256 of the bytes so far. Its state is stored with every chunk, and resumed.

use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::digest::common::hazmat::{SerializableState, SerializedState};
use sha2::{Digest, Sha256};
use smallvec::SmallVec;

/// A SHA-256 over the bytes of an upload up to some offset. Feeding bytes costs CPU time in proportion.
#[derive(Debug, Clone, Default)]
pub struct RunningDigest(Sha256);

/// A [`RunningDigest`] at rest: the ledger's digest of all bytes up to a chunk's end. The next chunk
/// continues from it, so no byte is ever read again.
///
/// The stored form is the hash's own serialized state without the zeros at its end: after whole blocks, as
/// after most chunks, those are 65 of its 105 bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DigestState(SmallVec<[u8; WHOLE_BLOCKS]>);

/// The length of the state after whole blocks: eight words and a count.
const WHOLE_BLOCKS: usize = 40;
/// The length of the eight words. No state is shorter: at the beginning the last word does not end with a
/// zero, and later a count follows.
const WORDS: usize = 32;

impl RunningDigest {
    /// Adds the bytes that follow.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The state to store.
    pub fn state(&self) -> DigestState {
        DigestState::of(&self.0.serialize())
    }
}

impl DigestState {
    fn of(state: &[u8]) -> Self {
        let length = state.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
        Self(SmallVec::from_slice(&state[..length]))
    }

    /// The digest that continues from this state; `None` if this is no state that we wrote.
    pub fn resume(&self) -> Option<RunningDigest> {
        let mut state = SerializedState::<Sha256>::default();
        state.get_mut(..self.0.len()).filter(|_| self.0.len() >= WORDS)?.copy_from_slice(&self.0);
        Sha256::deserialize(&state).ok().map(RunningDigest)
    }

    /// The SHA-256 of all bytes so far; `None` if this is no state that we wrote.
    pub fn finish(&self) -> Option<[u8; 32]> {
        Some(self.resume()?.0.finalize().into())
    }
}

impl Serialize for DigestState {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for DigestState {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_bytes(State)
    }
}

struct State;

impl Visitor<'_> for State {
    type Value = DigestState;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the state of a digest")
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<DigestState, E> {
        Ok(DigestState::of(bytes))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_digest_taken_up_again_is_the_digest(
            bytes in prop::collection::vec(any::<u8>(), 0..400), cuts in prop::collection::vec(0usize..400, 0..6)
        ) {
            let mut cuts: Vec<_> = cuts.into_iter().map(|c| c.min(bytes.len())).collect();
            cuts.sort_unstable();
            let mut state = RunningDigest::default().state();
            let mut from = 0;
            for to in cuts.into_iter().chain([bytes.len()]) {
                let mut running = state.resume().expect("ours");
                running.update(&bytes[from..to]);
                state = running.state();
                from = to;
            }
            prop_assert_eq!(state.finish().expect("ours"), <[u8; 32]>::from(Sha256::digest(&bytes)));
        }
    }

    /// Rows of earlier versions have the whole state as a sequence of bytes.
    #[test]
    fn a_whole_state_is_read_as_well() {
        for bytes in [&b""[..], &[0; 64], &[0; 100], &[7; 1000]] {
            let mut running = RunningDigest::default();
            running.update(bytes);
            let (state, whole) = (running.state(), running.0.serialize().to_vec());
            assert_eq!(state.0.len() <= WHOLE_BLOCKS, bytes.len() % 64 == 0);
            for row in [postcard::to_stdvec(&whole), postcard::to_stdvec(&state)] {
                assert_eq!(postcard::from_bytes(&row.expect("written")), Ok(state.clone()));
            }
            assert_eq!(state.finish(), Some(Sha256::digest(bytes).into()));
        }
    }

    #[test]
    fn what_we_did_not_write_is_no_state() {
        for bytes in [&[][..], &[1; 3], &[1; WORDS - 1], &[1; 105], &[1; 106]] {
            assert!(DigestState::of(bytes).finish().is_none(), "{bytes:?}");
        }
    }
}
