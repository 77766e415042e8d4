//! The SHA-256 of the bytes so far, whose state is stored with every chunk and taken up again.

use serde::{Deserialize, Serialize};
use sha2::digest::common::hazmat::SerializableState;
use sha2::{Digest, Sha256};

/// A SHA-256 over the bytes of an upload up to some offset. Feeding bytes costs CPU time in proportion.
#[derive(Debug, Clone, Default)]
pub struct RunningDigest(Sha256);

/// A [`RunningDigest`] at rest: it says what all bytes before its chunk's end were, so it is the ledger's
/// digest of a chunk, and it is where the next chunk goes on, so nothing is ever read again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DigestState(Vec<u8>);

impl RunningDigest {
    /// Takes in the bytes that follow.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The state to store.
    pub fn state(&self) -> DigestState {
        DigestState(self.0.serialize().to_vec())
    }
}

impl DigestState {
    /// Goes on from here; `None` if this is no state that we wrote.
    pub fn resume(&self) -> Option<RunningDigest> {
        let state = self.0.as_slice().try_into().ok()?;
        Sha256::deserialize(state).ok().map(RunningDigest)
    }

    /// The SHA-256 of all bytes so far; `None` if this is no state that we wrote.
    pub fn finish(&self) -> Option<[u8; 32]> {
        Some(self.resume()?.0.finalize().into())
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

    #[test]
    fn what_we_did_not_write_is_no_state() {
        assert!(DigestState(vec![]).finish().is_none());
        assert!(DigestState(vec![1; 3]).resume().is_none());
    }
}
