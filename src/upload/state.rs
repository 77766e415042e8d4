//! The states of an upload and the events between them.
//!
//! ```text
//!  Receiving ──last_byte──► Complete ──claim──► Finalizing ──commit──► Committed ──result window──► gone
//!     │  │                   │    │                 │                     ▲
//!     │  └──────expire───────┤    └── commit: another upload with the ────┘
//!     │          │           │        same client_message_id and file was first
//!     │          ▼           ▼                      │
//!     │       Expired     Rejected ◄──────lose──────┘
//!     └─ terminated: the record is gone
//! ```
//! A state is durable before any client is told of it. After `Committed` comes publication, which is the
//! outbox's work and no longer the upload's.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::message::{MessageId, Stamp};

/// The state of an upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// The upload still lacks bytes.
    Receiving,
    /// The upload has its last byte. Bound to a conversation it is owed a message; unbound it waits for a
    /// binding.
    Complete,
    /// The upload has a message id; from now on the message will be made, whatever happens, unless the bytes
    /// turn out to be lost.
    Finalizing(Stamp),
    /// The upload's message is committed.
    Committed(MessageId),
    /// The upload can become no message; its bytes are freed.
    Rejected(Rejection),
    /// The upload got no byte for too long; its bytes are freed.
    Expired,
}

/// A permanent refusal and its reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejection {
    /// The reason of the refusal.
    pub reason: RejectionReason,
}

/// The reason why an upload cannot become a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RejectionReason {
    /// The sender is not, or no longer, in the conversation.
    NotAParticipant,
    /// The conversation is gone.
    ConversationGone,
    /// The file is not the one whose digest was announced.
    DigestMismatch,
    /// The stored bytes are not what the ledger says.
    Damaged,
    /// A part of the concatenation is gone.
    PartGone,
    /// The parts together are larger than the server takes.
    PartsTooLarge,
    /// The `client_message_id` names another file, whose message is committed or comes first.
    AnotherFile,
}

impl fmt::Display for RejectionReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAParticipant => "You are not a participant in this conversation",
            Self::ConversationGone => "Conversation not found",
            Self::DigestMismatch => "The file does not have the announced SHA-256",
            Self::Damaged => "The stored bytes were damaged",
            Self::PartGone => "A part of the upload is gone",
            Self::PartsTooLarge => "The file is larger than the server accepts",
            Self::AnotherFile => "client_message_id names another file",
        })
    }
}

/// The event is not possible in the state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{event} is not possible in {from}")]
pub struct IllegalTransition {
    from: &'static str,
    event: &'static str,
}

impl State {
    /// The state after the last byte is durable.
    ///
    /// # Errors
    /// [`IllegalTransition`] unless receiving.
    pub fn last_byte(&self) -> Result<Self, IllegalTransition> {
        match self {
            Self::Receiving => Ok(Self::Complete),
            _ => Err(self.illegal("last_byte")),
        }
    }

    /// The state after a message id was allocated.
    ///
    /// # Errors
    /// [`IllegalTransition`] unless complete.
    pub fn claim(&self, stamp: Stamp) -> Result<Self, IllegalTransition> {
        match self {
            Self::Complete => Ok(Self::Finalizing(stamp)),
            _ => Err(self.illegal("claim")),
        }
    }

    /// The state after the commit of a message: the upload's own, or, for a complete upload, that of another
    /// one with the same `client_message_id`.
    ///
    /// # Errors
    /// [`IllegalTransition`] from any other state, or with another id than the claimed one.
    pub fn commit(&self, message: MessageId) -> Result<Self, IllegalTransition> {
        match self {
            Self::Finalizing(stamp) if stamp.id == message => Ok(Self::Committed(message)),
            Self::Complete => Ok(Self::Committed(message)),
            _ => Err(self.illegal("commit")),
        }
    }

    /// The state after it was found that no message can be made.
    ///
    /// # Errors
    /// [`IllegalTransition`] unless receiving (damage) or complete: a claimed message was judged before.
    pub fn reject(&self, reason: RejectionReason) -> Result<Self, IllegalTransition> {
        match self {
            Self::Receiving | Self::Complete => Ok(Self::Rejected(Rejection { reason })),
            _ => Err(self.illegal("reject")),
        }
    }

    /// The state after it was found that the bytes of a claimed message are lost.
    ///
    /// # Errors
    /// [`IllegalTransition`] unless finalizing.
    pub fn lose(&self) -> Result<Self, IllegalTransition> {
        match self {
            Self::Finalizing(_) => Ok(Self::Rejected(Rejection { reason: RejectionReason::Damaged })),
            _ => Err(self.illegal("lose")),
        }
    }

    /// Whether the change to `next` takes back a claim: the `client_message_id` is no message's any more.
    pub fn takes_back(&self, next: &Self) -> bool {
        matches!((self, next), (Self::Finalizing(_), Self::Rejected(_)))
    }

    /// The state after no byte came for too long.
    ///
    /// # Errors
    /// [`IllegalTransition`] unless receiving or complete; the caller knows whether a complete upload is owed
    /// a message.
    pub fn expire(&self) -> Result<Self, IllegalTransition> {
        match self {
            Self::Receiving | Self::Complete => Ok(Self::Expired),
            _ => Err(self.illegal("expire")),
        }
    }

    /// Whether the part's bytes are still needed.
    pub fn needs_bytes(&self) -> bool {
        matches!(self, Self::Receiving | Self::Complete | Self::Finalizing(_))
    }

    /// The state's name on the wire.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Receiving => "receiving",
            Self::Complete => "complete",
            Self::Finalizing(_) => "finalizing",
            Self::Committed(_) => "committed",
            Self::Rejected(_) => "rejected",
            Self::Expired => "expired",
        }
    }

    fn illegal(&self, event: &'static str) -> IllegalTransition {
        IllegalTransition { from: self.name(), event }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    #[test]
    fn every_event_in_every_state() {
        let id = MessageId::from_bytes([7; 12]);
        let stamp = Stamp { id, at: Timestamp::from_millis(1) };
        let other = MessageId::from_bytes([8; 12]);
        let rejected = State::Rejected(Rejection { reason: RejectionReason::DigestMismatch });
        // columns: state; last_byte, claim, commit, commit with another id, reject, lose, expire
        let table = [
            (State::Receiving, [true, false, false, false, true, false, true]),
            (State::Complete, [false, true, true, true, true, false, true]),
            (State::Finalizing(stamp), [false, false, true, false, false, true, false]),
            (State::Committed(id), [false; 7]),
            (rejected, [false; 7]),
            (State::Expired, [false; 7]),
        ];
        for (state, allowed) in table {
            let outcomes = [
                state.last_byte().is_ok(),
                state.claim(stamp).is_ok(),
                state.commit(id).is_ok(),
                state.commit(other).is_ok(),
                state.reject(RejectionReason::DigestMismatch).is_ok(),
                state.lose().is_ok(),
                state.expire().is_ok(),
            ];
            assert_eq!(outcomes, allowed, "{state:?}");
        }
    }
}
