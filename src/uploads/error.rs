//! The errors of uploads: what the client did wrong, what the storage did wrong.

use crate::reservations::Refusal;
use crate::store::{NoTurn, StoreError};
use crate::upload::{
    AppendRefusal, BindingError, CheckError, ConcatError, CreationRefusal, MetadataError, RejectionReason,
};

/// The reason why a request about an upload fails. The text of every variant but [`UploadError::Store`] is
/// for clients.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// The upload does not exist, or it is another user's.
    #[error("Upload not found")]
    NotFound,
    /// The upload existed, and had no byte for too long.
    #[error("The upload has expired")]
    Expired,
    /// The upload became a message long ago, and nothing is told of it any more.
    #[error("The upload became a message, and is over")]
    Over,
    /// The conversation does not exist.
    #[error("Conversation not found")]
    ConversationNotFound,
    /// The caller is not in the conversation.
    #[error("You are not a participant in this conversation")]
    NotAParticipant,
    /// The file is larger than the server accepts.
    #[error("The file is larger than the server accepts: at most {0} bytes")]
    TooLarge(u64),
    /// The disk has no room for the upload now.
    #[error("There is no room for the upload")]
    NoRoom,
    /// The caller has the most unfinished uploads that a user may have.
    #[error("You have too many unfinished uploads, at most {0}: finish or delete some of them first")]
    TooManyUnfinished(u64),
    /// The caller's unfinished uploads would come to more bytes than a user may reserve.
    #[error(
        "Your unfinished uploads have reserved too many bytes, at most {0}: finish or delete some of them first"
    )]
    TooMuchReserved(u64),
    /// The caller's unfinished uploads hold too many bytes, and this one declared no length: it may continue
    /// when others are finished.
    #[error(
        "Your unfinished uploads hold too many bytes, at most {0}: this one goes on when others are finished or deleted"
    )]
    NoMoreBytes(u64),
    /// The bytes do not fit the upload.
    #[error(transparent)]
    Append(#[from] AppendRefusal),
    /// The request does not say which message is to be made.
    #[error(transparent)]
    Binding(#[from] BindingError),
    /// The metadata cannot be read.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// The bytes of the request do not match their checksum; none of them is kept.
    #[error(transparent)]
    Checksum(#[from] CheckError),
    /// The `client_message_id` names an upload, or a message, of another length, digest or content. The text
    /// is that of [`RejectionReason::AnotherFile`], with which an upload that has got further is rejected.
    #[error("{}", RejectionReason::AnotherFile)]
    AnotherFile,
    /// The upload is final: only the server appends to it.
    #[error("A final upload takes no bytes")]
    FinalUpload,
    /// A part of the final upload is no partial upload of the caller's.
    #[error("A URL in Upload-Concat does not name a partial upload of yours")]
    NotPartial,
    /// The upload is a part of another, and a message is made only of the whole.
    #[error("The upload is a part of another")]
    PartialUpload,
    /// The `Upload-Concat` cannot be read.
    #[error(transparent)]
    Concat(#[from] ConcatError),
    /// The upload is bound to another message already.
    #[error("The upload is bound to another message")]
    AlreadyBound,
    /// The upload can become no message.
    #[error("{0}")]
    Rejected(RejectionReason),
    /// A newer request for the same upload took over.
    #[error("A newer request for this upload took over")]
    Displaced,
    /// The body broke off; what arrived is kept, unless a checksum was expected.
    #[error("The request body ended early")]
    BodyBroken,
    /// The body was silent for too long; what arrived is kept, unless a checksum was expected.
    #[error("The request body was idle for too long")]
    BodyIdle,
    /// The process is about to end, and takes no new work that could not be resumed.
    #[error("The server is restarting: send it again in a moment")]
    Draining,
    /// The process is starting or draining, or the upload is still worked on: the client asks again.
    #[error("The upload is being worked on")]
    Busy,
    /// The storage failed; the text is for the log.
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for UploadError {
    fn from(error: StoreError) -> Self {
        match error {
            // A newer request has taken the upload.
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
            Refusal::NoMoreBytes(most) => Self::NoMoreBytes(most),
            Refusal::Store(error) => error.into(),
        }
    }
}

impl From<CreationRefusal> for UploadError {
    fn from(refusal: CreationRefusal) -> Self {
        match refusal {
            CreationRefusal::TooManyUnfinished(most) => Self::TooManyUnfinished(most),
            CreationRefusal::TooMuchReserved(most) => Self::TooMuchReserved(most),
            CreationRefusal::NoRoom => Self::NoRoom,
        }
    }
}
