//! The upload's record and a row of its ledger.

use serde::{Deserialize, Serialize};

use super::binding::Binding;
use super::concat::{Concat, Parts};
use super::digest::{DigestState, RunningDigest};
use super::digests::Digests;
use super::epoch::Epoch;
use super::id::UploadId;
use super::length::Length;
use super::metadata::Metadata;
use super::state::{RejectionReason, State};
use crate::message::{ClientMessageId, MediaType, Message, MessageKind, Stamp, UserId, stored_file_name};
use crate::time::Timestamp;

/// An upload, as its record and the end of its ledger say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// The upload's id.
    pub id: UploadId,
    /// The client that created the upload; no other client ever sees it.
    pub owner: UserId,
    /// The upload's length.
    pub length: Length,
    /// The metadata from the client.
    pub metadata: Metadata,
    /// Whether the upload is a part, or made of parts.
    pub concat: Concat,
    /// The message that the upload is to become; `None` for an unbound upload.
    pub binding: Option<Binding>,
    /// The upload's state.
    pub state: State,
    /// The time of the creation.
    pub created_at: Timestamp,
    /// The end of the ledger: how many bytes are durable.
    pub offset: u64,
    /// The time of the last recorded byte, or of the creation; once the upload's own message is committed, of
    /// the commit.
    pub active_at: Timestamp,
    /// The digest up to `offset`; `None` if digests were off and the client announced none.
    pub digest: Option<DigestState>,
    /// The epoch of the upload's holder: a write with another epoch is refused.
    pub epoch: Epoch,
}

/// A row of the ledger: bytes that are durable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunk {
    /// The offset of the first byte.
    pub offset: u64,
    /// The number of bytes.
    pub length: u64,
    /// The time when they were recorded.
    pub at: Timestamp,
    /// The digest of all bytes up to the chunk's end.
    pub digest: Option<DigestState>,
}

impl Chunk {
    /// The offset of the first byte after the chunk.
    pub fn end(&self) -> u64 {
        self.offset + self.length
    }
}

impl Upload {
    /// A new upload without bytes, which is complete at once if its length is zero. `digests` says whether
    /// its digest is taken; if the client announced one, it always is.
    pub fn new(
        id: UploadId,
        owner: UserId,
        length: Length,
        metadata: Metadata,
        binding: Option<Binding>,
        digests: Digests,
        now: Timestamp,
    ) -> Self {
        let is_announced = is_announced(&metadata);
        let state = if length.is_reached_at(0) { State::Complete } else { State::Receiving };
        let digest = (digests.include(length) || is_announced).then(|| RunningDigest::default().state());
        Self {
            id,
            owner,
            length,
            metadata,
            concat: Concat::Whole,
            binding,
            state,
            created_at: now,
            offset: 0,
            active_at: now,
            digest,
            epoch: Epoch::FIRST,
        }
    }

    /// Whether the client said which digest the file has.
    pub fn is_announced(&self) -> bool {
        is_announced(&self.metadata)
    }

    /// The sender's own id of the upload's message.
    pub fn client_message_id(&self) -> Option<&ClientMessageId> {
        self.binding.as_ref()?.client_message_id.as_ref()
    }

    /// Whether the server has to make a message of the upload, without a request.
    pub fn is_owed(&self) -> bool {
        match self.state {
            State::Complete => self.binding.is_some(),
            State::Finalizing(_) => true,
            State::Receiving | State::Committed(_) | State::Rejected(_) | State::Expired => false,
        }
    }

    /// The parts of which the server still has to make the upload, without a request.
    pub fn awaited_parts(&self) -> Option<&Parts> {
        match &self.concat {
            Concat::Final(parts) if self.state == State::Receiving => Some(parts),
            _ => None,
        }
    }

    /// The parts that the upload was made of, once it has their bytes.
    pub fn joined_parts(&self) -> Option<&Parts> {
        match (&self.concat, &self.state) {
            (Concat::Final(parts), State::Complete | State::Finalizing(_) | State::Committed(_)) => {
                Some(parts)
            }
            _ => None,
        }
    }

    /// Whether the upload is a part with all of its bytes: none are appended any more, except to a file that
    /// it shares.
    pub fn is_whole_part(&self) -> bool {
        self.concat == Concat::Partial && self.state == State::Complete
    }

    /// Whether the server has to continue the upload: make a message of it, or first make it of its parts.
    pub fn is_driven(&self) -> bool {
        self.is_owed() || self.awaited_parts().is_some()
    }

    /// The time when the upload expires without another byte; `None` once it is owed a message or has one.
    pub fn expires_at(&self, expire_after_secs: u64) -> Option<Timestamp> {
        let can_expire = match self.state {
            State::Receiving | State::Rejected(_) | State::Expired => true,
            State::Complete => self.binding.is_none(),
            State::Finalizing(_) | State::Committed(_) => false,
        };
        can_expire.then(|| self.active_at.plus_secs(expire_after_secs))
    }

    /// The file's SHA-256, once the upload is complete and if its digest was taken.
    pub fn sha256(&self) -> Option<[u8; 32]> {
        self.digest.as_ref().and_then(DigestState::finish)
    }

    /// The reason why a complete upload's bytes are not acceptable, if there is one.
    pub fn digest_fault(&self) -> Option<RejectionReason> {
        match self.metadata.sha256() {
            Ok(Some(announced)) if self.sha256() != Some(announced) => Some(RejectionReason::DigestMismatch),
            _ => None,
        }
    }

    /// The [`Upload::digest_fault`] of an upload that has all of its bytes.
    pub fn digest_fault_when_complete(&self) -> Option<RejectionReason> {
        (self.state == State::Complete).then(|| self.digest_fault()).flatten()
    }

    /// The type of the file: by its extension, or else as declared.
    pub fn media_type(&self) -> Option<MediaType> {
        let stored_name = stored_file_name(self.file_name());
        MediaType::by_extension(&stored_name).or_else(|| self.metadata.file_type().unwrap_or(None))
    }

    /// The file's name, as the client gave it.
    pub fn file_name(&self) -> &str {
        self.metadata.file_name().unwrap_or("file")
    }

    /// The `mime_type` of the upload's message.
    pub fn mime_type(&self) -> String {
        self.media_type()
            .map_or_else(|| "application/octet-stream".into(), |media_type| media_type.to_string())
    }

    /// The `type` of the upload's message.
    pub fn kind(&self) -> MessageKind {
        let declared = self.metadata.file_type().unwrap_or(None);
        MessageKind::of(&stored_file_name(self.file_name()), declared.as_ref())
    }

    /// The message that the upload becomes under this stamp; `None` while unbound.
    pub fn message(&self, stamp: Stamp) -> Option<Message> {
        let binding = self.binding.clone()?;
        let file_name = self.file_name().to_owned();
        let stored_name = stored_file_name(&file_name);
        Some(Message {
            id: stamp.id,
            conversation_id: binding.conversation_id,
            sender: self.owner.clone(),
            content: binding.content,
            kind: self.kind(),
            reply_to: binding.reply_to,
            created_at: stamp.at,
            file_name,
            stored_name,
            file_size: self.offset,
            mime_type: self.mime_type(),
            sha256: self.sha256(),
            client_message_id: binding.client_message_id,
            upload_id: self.id.uuid(),
        })
    }
}
fn is_announced(metadata: &Metadata) -> bool {
    matches!(metadata.sha256(), Ok(Some(_)))
}
