//! The changes of an upload, and the upload after each: the rules that every store applies to what it has
//! stored. A store reads an upload, lets it change here, and writes the result.

use super::binding::Binding;
use super::epoch::Epoch;
use super::length::Length;
use super::model::{Chunk, Upload};
use super::state::{IllegalTransition, State};
use crate::message::{MessageId, Stamp};
use crate::time::Timestamp;

/// A row of the ledger, and what changes with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// The row. A row of length zero is not added; it only carries length and state.
    pub chunk: Chunk,
    /// The upload's length after the row.
    pub length: Length,
    /// The upload's state after the row.
    pub state: State,
    /// The epoch of the holder that writes the row.
    pub epoch: Epoch,
}

impl Appended {
    /// Checks that the row may follow what is recorded.
    ///
    /// # Errors
    /// [`Conflict`] unless its writer holds the upload, and the upload is receiving and ends where the row
    /// begins.
    pub fn follows(&self, epoch: Epoch, state: &State, offset: u64) -> Result<(), Conflict> {
        holds(self.epoch, epoch)?;
        if *state != State::Receiving {
            return Err(Conflict::NotReceiving);
        }
        if self.chunk.offset != offset {
            return Err(Conflict::EndsElsewhere);
        }
        Ok(())
    }
}

/// The conflict of a change with what is stored: another request was there first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// The writer no longer holds the upload: it was taken over.
    #[error("another holder has the upload")]
    Fenced,
    /// The upload does not exist, or no longer.
    #[error("the upload is gone")]
    Gone,
    /// The id of the new upload is that of another one.
    #[error("another upload has this id")]
    AnotherUpload,
    /// The upload takes no bytes.
    #[error("the upload is not receiving")]
    NotReceiving,
    /// The bytes do not begin where the ledger ends.
    #[error("the ledger ends elsewhere")]
    EndsElsewhere,
    /// The upload has changed since it was read, or the new state never follows the old one.
    #[error("the upload is in another state")]
    AnotherState,
    /// The upload is owed a message, so it does not expire.
    #[error("the upload is owed a message")]
    Owed,
    /// The upload has a binding already.
    #[error("the upload is bound already")]
    Bound,
    /// The upload has no binding, and needs one.
    #[error("the upload is unbound")]
    Unbound,
    /// A claim came before the last byte, or after the end.
    #[error("the upload is not complete")]
    Incomplete,
    /// The message to be committed was not claimed.
    #[error("the upload is not finalizing this message")]
    NotClaimed,
    /// The upload's message is claimed.
    #[error("the upload is finalizing")]
    Finalizing,
}

impl From<IllegalTransition> for Conflict {
    fn from(_: IllegalTransition) -> Self {
        Self::AnotherState
    }
}

/// Checks that the writer's epoch is the recorded one.
fn holds(writer: Epoch, recorded: Epoch) -> Result<(), Conflict> {
    if writer == recorded { Ok(()) } else { Err(Conflict::Fenced) }
}

impl Upload {
    /// The upload in its next epoch: from now on only what is written in that epoch is accepted.
    #[must_use]
    pub fn taken(self) -> Self {
        Self { epoch: self.epoch.next(), ..self }
    }

    /// The upload with a further row of its ledger.
    ///
    /// # Errors
    /// The errors of [`Appended::follows`].
    pub fn append(self, row: &Appended) -> Result<Self, Conflict> {
        row.follows(self.epoch, &self.state, self.offset)?;
        Ok(Self {
            offset: row.chunk.end(),
            active_at: row.chunk.at,
            digest: row.chunk.digest.clone(),
            length: row.length,
            state: row.state.clone(),
            ..self
        })
    }

    /// The upload, bound to the message that it is to become.
    ///
    /// # Errors
    /// [`Conflict`] if it has a binding already, or if it is too late for one.
    pub fn bind(self, binding: Binding) -> Result<Self, Conflict> {
        if self.binding.is_some() {
            return Err(Conflict::Bound);
        }
        match self.state {
            State::Receiving | State::Complete => Ok(Self { binding: Some(binding), ..self }),
            _ => Err(Conflict::AnotherState),
        }
    }

    /// The binding of a message that may be claimed.
    ///
    /// # Errors
    /// [`Conflict`] unless it is complete and bound.
    pub fn claimable(&self) -> Result<&Binding, Conflict> {
        let binding = self.binding.as_ref().ok_or(Conflict::Unbound)?;
        if self.state == State::Complete { Ok(binding) } else { Err(Conflict::Incomplete) }
    }

    /// The upload with its message claimed.
    ///
    /// # Errors
    /// The errors of [`Upload::claimable`].
    pub fn claim(self, stamp: Stamp) -> Result<Self, Conflict> {
        self.claimable()?;
        Ok(Self { state: self.state.claim(stamp)?, ..self })
    }

    /// The upload with its message committed; `None` if that was done before.
    ///
    /// # Errors
    /// [`Conflict`] unless this message was claimed.
    pub fn commit(self, message: MessageId, now: Timestamp) -> Result<Option<Self>, Conflict> {
        match self.state {
            State::Committed(id) if id == message => Ok(None),
            State::Finalizing(_) => {
                let state = self.state.commit(message).map_err(|_| Conflict::NotClaimed)?;
                Ok(Some(Self { state, active_at: now, ..self }))
            }
            _ => Err(Conflict::NotClaimed),
        }
    }

    /// The upload in a final state: rejected, expired, or committed as a repeat of another upload's message.
    /// Once its message is claimed, it is rejected only because its bytes are lost.
    ///
    /// # Errors
    /// [`Conflict`] if the upload is not in the state `from` or the epoch `seen`, if `to` never follows
    /// `from`, or if the upload would expire although it is owed a message.
    pub fn end(self, seen: Epoch, from: &State, to: &State) -> Result<Self, Conflict> {
        holds(seen, self.epoch)?;
        if self.state != *from {
            return Err(Conflict::AnotherState);
        }
        let state = match to {
            State::Expired if self.is_owed() => return Err(Conflict::Owed),
            State::Expired => from.expire()?,
            State::Rejected(rejection) => match from.lose() {
                Ok(lost) if lost == *to => lost,
                _ => from.reject(rejection.reason)?,
            },
            State::Committed(message) => from.commit(*message)?,
            State::Receiving | State::Complete | State::Finalizing(_) => return Err(Conflict::AnotherState),
        };
        Ok(Self { state, ..self })
    }

    /// Checks that the upload's record may be removed.
    ///
    /// # Errors
    /// [`Conflict`] while the message is being made, or if the upload is not in the epoch `seen`.
    pub fn removable(&self, seen: Epoch) -> Result<(), Conflict> {
        holds(seen, self.epoch)?;
        match self.state {
            State::Finalizing(_) => Err(Conflict::Finalizing),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::ConversationId;
    use crate::upload::{Digests, Metadata, Rejection, RejectionReason, UploadId};

    const REASON: RejectionReason = RejectionReason::Damaged;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn message(number: u8) -> MessageId {
        MessageId::from_bytes([number; 12])
    }

    fn stamp() -> Stamp {
        Stamp { id: message(1), at: at(5) }
    }

    fn binding() -> Binding {
        let conversation_id = ConversationId::from_bytes([1; 12]);
        Binding { conversation_id, content: None, reply_to: None, client_message_id: None }
    }

    fn states() -> [State; 6] {
        let rejected = State::Rejected(Rejection { reason: REASON });
        let finalizing = State::Finalizing(stamp());
        [
            State::Receiving,
            State::Complete,
            finalizing,
            State::Committed(message(1)),
            rejected,
            State::Expired,
        ]
    }

    fn upload(state: State, binding: Option<Binding>) -> Upload {
        let owner = "u".parse().expect("valid");
        let (id, length) = (UploadId::from_bytes([1; 16]), Length::Known(10));
        let new = Upload::new(id, owner, length, Metadata::default(), binding, Digests::Every, at(1));
        Upload { state, offset: 4, ..new }
    }

    #[test]
    fn a_row_follows_where_the_ledger_of_a_receiving_upload_ends() {
        let row = |offset| {
            let chunk = Chunk { offset, length: 6, at: at(9), digest: None };
            Appended { chunk, length: Length::Known(10), state: State::Complete, epoch: Epoch::FIRST }
        };
        for state in states() {
            let is_receiving = state == State::Receiving;
            let before = upload(state, None);
            let expected = Upload {
                offset: 10,
                active_at: at(9),
                digest: None,
                state: State::Complete,
                ..before.clone()
            };
            let outcome = before.clone().append(&row(4));
            assert_eq!(outcome, if is_receiving { Ok(expected) } else { Err(Conflict::NotReceiving) });
            for offset in [0, 3, 5, 10] {
                let why = if is_receiving { Conflict::EndsElsewhere } else { Conflict::NotReceiving };
                assert_eq!(before.clone().append(&row(offset)), Err(why));
            }
        }
    }

    #[test]
    fn an_upload_is_bound_once_and_in_time() {
        for (state, expected) in states().into_iter().zip([true, true, false, false, false, false]) {
            let bound = upload(state.clone(), Some(binding()));
            assert_eq!(bound.clone().bind(binding()), Err(Conflict::Bound));
            let outcome = upload(state, None).bind(binding());
            assert_eq!(outcome, if expected { Ok(bound) } else { Err(Conflict::AnotherState) });
        }
    }

    #[test]
    fn a_message_is_claimed_by_a_complete_and_bound_upload() {
        for state in states() {
            assert_eq!(upload(state.clone(), None).claim(stamp()), Err(Conflict::Unbound));
            let outcome = upload(state.clone(), Some(binding())).claim(stamp());
            let expected = upload(State::Finalizing(stamp()), Some(binding()));
            assert_eq!(
                outcome,
                if state == State::Complete { Ok(expected) } else { Err(Conflict::Incomplete) }
            );
        }
    }

    #[test]
    fn the_claimed_message_is_committed_and_no_other() {
        for (state, is_first) in states().into_iter().zip([false, false, true, false, false, false]) {
            let before = upload(state.clone(), Some(binding()));
            let committed =
                Upload { state: State::Committed(message(1)), active_at: at(7), ..before.clone() };
            let expected = match state {
                State::Committed(_) => Ok(None),
                _ if is_first => Ok(Some(committed)),
                _ => Err(Conflict::NotClaimed),
            };
            assert_eq!(before.clone().commit(message(1), at(7)), expected);
            assert_eq!(before.commit(message(2), at(7)), Err(Conflict::NotClaimed));
        }
    }

    /// Every change from each state to each, for bound and unbound uploads.
    #[test]
    fn every_end() {
        // columns: receiving, complete, finalizing, committed, rejected, expired
        let bound = [
            [false, false, false, false, true, true],
            [false, false, false, true, true, false],
            [false, false, false, true, true, false],
            [false; 6],
            [false; 6],
            [false; 6],
        ];
        for (from, allowed) in states().iter().zip(bound) {
            for (to, is_allowed) in states().iter().zip(allowed) {
                let before = upload(from.clone(), Some(binding()));
                let outcome = before.clone().end(Epoch::FIRST, from, to);
                assert_eq!(outcome.is_ok(), is_allowed, "{from:?} {to:?}");
                if is_allowed {
                    assert_eq!(outcome, Ok(Upload { state: to.clone(), ..before.clone() }));
                }
                for other in states().iter().filter(|other| *other != from) {
                    assert_eq!(before.clone().end(Epoch::FIRST, other, to), Err(Conflict::AnotherState));
                }
            }
            let expired = upload(from.clone(), None).end(Epoch::FIRST, from, &State::Expired);
            assert_eq!(expired.is_ok(), matches!(from, State::Receiving | State::Complete));
        }
        let claimed = upload(State::Finalizing(stamp()), Some(binding()));
        let other = State::Rejected(Rejection { reason: RejectionReason::NotAParticipant });
        let outcome = claimed.clone().end(Epoch::FIRST, &claimed.state, &other);
        assert_eq!(outcome, Err(Conflict::AnotherState), "it was judged before the claim");
        let owed = upload(State::Complete, Some(binding()));
        assert_eq!(owed.end(Epoch::FIRST, &State::Complete, &State::Expired), Err(Conflict::Owed));
    }

    #[test]
    fn what_is_finalizing_stays() {
        for (state, expected) in states().into_iter().zip([true, true, false, true, true, true]) {
            assert_eq!(upload(state, None).removable(Epoch::FIRST).is_ok(), expected);
        }
    }

    /// The epoch is compared before the state: a displaced holder changes nothing in any state.
    #[test]
    fn nothing_is_changed_by_a_holder_that_was_displaced() {
        for state in states() {
            let taken = upload(state.clone(), None).taken();
            let chunk = Chunk { offset: 4, length: 6, at: at(9), digest: None };
            let row =
                Appended { chunk, length: Length::Known(10), state: State::Complete, epoch: Epoch::FIRST };
            assert_eq!(taken.clone().append(&row), Err(Conflict::Fenced));
            assert_eq!(taken.clone().end(Epoch::FIRST, &state, &State::Expired), Err(Conflict::Fenced));
            assert_eq!(taken.removable(Epoch::FIRST), Err(Conflict::Fenced));
            let own = Appended { epoch: taken.epoch, ..row };
            assert_ne!(taken.append(&own), Err(Conflict::Fenced));
        }
    }
}
