//! What can go wrong with an upload: what the client did, what the storage did.

use crate::reservations::Refusal;
use crate::store::{NoTurn, StoreError};
use crate::upload::{AppendRefusal, BindingError, CheckError, ConcatError, MetadataError, RejectionReason};

/// Why a request about an upload fails. The text of every variant but [`UploadError::Store`] is for clients.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// There is no such upload, or it is another user's.
    #[error("Upload not found")]
    NotFound,
    /// It was there and had no byte for too long.
    #[error("The upload has expired")]
    Expired,
    /// It became a message so long ago that nothing is told of the upload any more.
    #[error("The upload became a message, and is over")]
    Over,
    /// No such conversation.
    #[error("Conversation not found")]
    ConversationNotFound,
    /// The caller is not in it.
    #[error("You are not a participant in this conversation")]
    NotAParticipant,
    /// Larger than the server takes.
    #[error("The file is larger than the server accepts: at most {0} bytes")]
    TooLarge(u64),
    /// The disk has no room for it now.
    #[error("There is no room for the upload")]
    NoRoom,
    /// The caller has as many unfinished uploads as a user may have.
    #[error("You have too many unfinished uploads, at most {0}: finish or delete some of them first")]
    TooManyUnfinished(u64),
    /// The caller's unfinished uploads would come to more bytes than a user may reserve.
    #[error(
        "Your unfinished uploads have reserved too many bytes, at most {0}: finish or delete some of them first"
    )]
    TooMuchReserved(u64),
    /// The same, of an upload that did not say how long it will be: it may go on when others are finished.
    #[error(
        "Your unfinished uploads hold too many bytes, at most {0}: this one goes on when others are finished or deleted"
    )]
    NoMoreBytes(u64),
    /// The bytes do not fit the upload.
    #[error(transparent)]
    Append(#[from] AppendRefusal),
    /// The request does not say what message is to be made.
    #[error(transparent)]
    Binding(#[from] BindingError),
    /// Unreadable metadata.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// The bytes of the request do not add up; none of them is kept.
    #[error(transparent)]
    Checksum(#[from] CheckError),
    /// The `client_message_id` names an upload, or a message, of another length, digest or content. The text is that of
    /// [`RejectionReason::AnotherFile`], which is what becomes of an upload that has got further.
    #[error("{}", RejectionReason::AnotherFile)]
    AnotherFile,
    /// Only the server appends to a final upload.
    #[error("A final upload takes no bytes")]
    FinalUpload,
    /// What a final upload is to be made of.
    #[error("A URL in Upload-Concat does not name a partial upload of yours")]
    NotPartial,
    /// A message is made of the whole, not of a part.
    #[error("The upload is a part of another")]
    PartialUpload,
    /// Unreadable `Upload-Concat`.
    #[error(transparent)]
    Concat(#[from] ConcatError),
    /// The upload belongs to another message already.
    #[error("The upload is bound to another message")]
    AlreadyBound,
    /// No message can be made of it.
    #[error("{0}")]
    Rejected(RejectionReason),
    /// A newer request for the same upload took over.
    #[error("A newer request for this upload took over")]
    Displaced,
    /// The body broke off; what arrived is kept, unless a checksum was open.
    #[error("The request body ended early")]
    BodyBroken,
    /// The body said nothing for too long; what arrived is kept, unless a checksum was open.
    #[error("The request body was idle for too long")]
    BodyIdle,
    /// The process is about to end and takes no new work that it could not resume.
    #[error("The server is restarting: send it again in a moment")]
    Draining,
    /// Starting, draining, or still at it: ask again.
    #[error("The upload is being worked on")]
    Busy,
    /// The storage failed; the text is for the log.
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for UploadError {
    fn from(error: StoreError) -> Self {
        match error {
            // What it was refused for was done by a newer request.
            StoreError::Fenced => Self::Displaced,
            error => Self::Store(error),
        }
    }
}

impl From<NoTurn> for UploadError {
    fn from(why: NoTurn) -> Self {
        match why {
            NoTurn::Displaced => Self::Displaced,
            NoTurn::Late => Self::Busy,
            NoTurn::Store(error) => error.into(),
        }
    }
}

impl From<Refusal> for UploadError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NoRoom => Self::NoRoom,
            Refusal::TooManyUnfinished(most) => Self::TooManyUnfinished(most),
            Refusal::TooMuchReserved(most) => Self::TooMuchReserved(most),
            Refusal::NoMoreBytes(most) => Self::NoMoreBytes(most),
            Refusal::Store(error) => error.into(),
        }
    }
}
