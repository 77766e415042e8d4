//! The code of each failure of the domain, on every way to a client.

use super::code::Code;
use crate::auth::AuthError;
use crate::chats::ChatError;
use crate::store::StoreError;
use crate::upload::{
    AppendRefusal, BindingError, CheckError, ChecksumError, ConcatError, MetadataError, RejectionReason,
};
use crate::uploads::UploadError;

impl From<&AuthError> for Code {
    fn from(error: &AuthError) -> Self {
        match error {
            AuthError::Missing => Self::MissingToken,
            AuthError::Invalid | AuthError::UnknownKey => Self::InvalidToken,
            AuthError::TooLong => Self::TokenTooLong,
            AuthError::NoKeys => Self::KeysUnavailable,
        }
    }
}

impl From<&ChatError> for Code {
    fn from(error: &ChatError) -> Self {
        match error {
            ChatError::ConversationNotFound => Self::ConversationNotFound,
            ChatError::NotAParticipant => Self::NotAParticipant,
            ChatError::MessageNotFound => Self::MessageNotFound,
            ChatError::Store(error) => error.into(),
        }
    }
}

impl From<&UploadError> for Code {
    fn from(error: &UploadError) -> Self {
        match error {
            UploadError::NotFound => Self::UploadNotFound,
            UploadError::Expired => Self::UploadExpired,
            UploadError::Over => Self::UploadOver,
            UploadError::ConversationNotFound => Self::ConversationNotFound,
            UploadError::NotAParticipant => Self::NotAParticipant,
            UploadError::TooLarge(_) => Self::FileTooLarge,
            UploadError::NoRoom => Self::NoRoom,
            UploadError::TooManyUnfinished(_) => Self::TooManyUploads,
            UploadError::TooMuchReserved(_) | UploadError::NoMoreBytes(_) => Self::TooManyBytesReserved,
            UploadError::Append(refusal) => refusal.into(),
            UploadError::Binding(error) => error.into(),
            UploadError::Metadata(error) => error.into(),
            UploadError::Checksum(error) => error.into(),
            UploadError::AnotherFile => Self::ClientMessageIdTaken,
            UploadError::FinalUpload => Self::UploadIsFinal,
            UploadError::NotPartial => Self::NotAPart,
            UploadError::PartialUpload => Self::UploadIsPart,
            UploadError::Concat(ConcatError::TooLong) => Self::MetadataTooLong,
            UploadError::Concat(_) => Self::InvalidConcat,
            UploadError::AlreadyBound => Self::UploadAlreadyBound,
            UploadError::Rejected(reason) => reason.into(),
            UploadError::Displaced => Self::UploadDisplaced,
            UploadError::BodyBroken => Self::BodyBroken,
            UploadError::BodyIdle => Self::BodyIdle,
            UploadError::Draining => Self::Restarting,
            UploadError::Busy => Self::UploadBusy,
            UploadError::Store(error) => error.into(),
        }
    }
}

impl From<&AppendRefusal> for Code {
    fn from(refusal: &AppendRefusal) -> Self {
        match refusal {
            AppendRefusal::OffsetMismatch { .. } => Self::OffsetMismatch,
            AppendRefusal::TooLong => Self::LengthExceeded,
            AppendRefusal::TooLarge(_) => Self::FileTooLarge,
            AppendRefusal::LengthConflict => Self::LengthConflict,
            AppendRefusal::Expired => Self::UploadExpired,
            AppendRefusal::Rejected(reason) => reason.into(),
        }
    }
}

impl From<&RejectionReason> for Code {
    fn from(reason: &RejectionReason) -> Self {
        match reason {
            RejectionReason::NotAParticipant => Self::NotAParticipant,
            RejectionReason::ConversationGone => Self::ConversationNotFound,
            RejectionReason::DigestMismatch => Self::Sha256Mismatch,
            RejectionReason::Damaged => Self::UploadDamaged,
            RejectionReason::PartGone => Self::PartGone,
            RejectionReason::PartsTooLarge => Self::FileTooLarge,
            RejectionReason::AnotherFile => Self::ClientMessageIdTaken,
        }
    }
}

impl From<&BindingError> for Code {
    fn from(error: &BindingError) -> Self {
        match error {
            BindingError::ConversationId => Self::InvalidConversationId,
            BindingError::ConversationsDiffer => Self::ConversationsDiffer,
            BindingError::ReplyTo => Self::InvalidReplyTo,
            BindingError::ContentTooLong => Self::ContentTooLong,
            BindingError::Metadata(error) => error.into(),
        }
    }
}

impl From<&MetadataError> for Code {
    fn from(error: &MetadataError) -> Self {
        match error {
            MetadataError::Shape
            | MetadataError::DuplicateKey
            | MetadataError::Base64
            | MetadataError::NotUtf8(_) => Self::InvalidMetadata,
            MetadataError::TooMany | MetadataError::TooLong => Self::MetadataTooLong,
            MetadataError::Sha256 => Self::InvalidSha256,
            MetadataError::ClientMessageId(_) => Self::InvalidClientMessageId,
        }
    }
}

impl From<&CheckError> for Code {
    fn from(error: &CheckError) -> Self {
        match error {
            CheckError::Mismatch => Self::ChecksumMismatch,
            CheckError::Unusable(ChecksumError::Unsupported) => Self::ChecksumUnsupported,
            CheckError::Unusable(ChecksumError::Malformed)
            | CheckError::Missing
            | CheckError::Unannounced
            | CheckError::Twice => Self::InvalidChecksum,
        }
    }
}

impl From<&StoreError> for Code {
    fn from(error: &StoreError) -> Self {
        match error {
            StoreError::Full => Self::NoRoom,
            StoreError::Fenced => Self::UploadDisplaced,
            StoreError::Missing(_) => Self::FileGone,
            StoreError::Conflict(_) | StoreError::Damaged(_) | StoreError::Unsealed | StoreError::Io(_) => {
                Self::Internal
            }
            StoreError::Unavailable(_) => Self::Unavailable,
        }
    }
}
