//! The standing of an upload, for users who may know.

use super::Uploads;
use super::error::UploadError;
use crate::finalizer::Ending;
use crate::message::Message;
use crate::time::Timestamp;
use crate::upload::{Length, State, Upload, UploadId};

/// An upload and its outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The upload as recorded.
    pub upload: Upload,
    /// The upload's message, once that is committed.
    pub message: Option<Message>,
    /// Whether the message has been announced.
    pub published: bool,
    /// The time when the upload expires without another byte.
    pub expires_at: Option<Timestamp>,
}

impl Standing {
    /// The state's name on the wire, publication included.
    pub fn state(&self) -> &'static str {
        if self.published { "published" } else { self.upload.state.name() }
    }
}

impl Uploads {
    /// The standing of an upload once everything that it is owed is done.
    ///
    /// # Errors
    /// [`UploadError::Busy`] if that takes too long, [`UploadError::NoRoom`] if it waits for room,
    /// [`UploadError::Rejected`].
    pub(super) async fn settle(&self, id: UploadId) -> Result<Standing, UploadError> {
        let upload = self.stores.records.find(id).await?.ok_or(UploadError::NotFound)?;
        self.settle_found(upload).await
    }

    /// The standing of an upload that has just been read, once everything that it is owed is done.
    pub(super) async fn settle_found(&self, mut upload: Upload) -> Result<Standing, UploadError> {
        let id = upload.id;
        let mut is_slow = false;
        if upload.is_driven() || upload.digest_fault_when_complete().is_some() {
            match self.finalizer.drive(id).await {
                Some(Ending::Message(message)) if upload.awaited_parts().is_none() => {
                    upload.state = State::Committed(message.id);
                    return self.standing_with(upload, Some(*message)).await;
                }
                Some(Ending::NoRoom) => return Err(UploadError::NoRoom),
                Some(Ending::Failed | Ending::Held) | None => is_slow = true,
                Some(_) => {}
            }
            upload = self.stores.records.find(id).await?.ok_or(UploadError::NotFound)?;
        }
        match &upload.state {
            State::Rejected(rejection) => Err(UploadError::Rejected(rejection.reason)),
            // While parts are joined the client has to come again; while they are unfinished it does not.
            _ if upload.is_owed() || is_slow && upload.is_driven() => Err(UploadError::Busy),
            _ => self.standing(upload).await,
        }
    }

    /// The standing of an upload as it is.
    pub(super) async fn standing(&self, mut upload: Upload) -> Result<Standing, UploadError> {
        if upload.awaited_parts().is_some() && upload.length == Length::Deferred {
            // Parts may have declared their lengths since. While one of them has not, there is no length to
            // tell.
            upload.length = self.length_of_parts(&upload).await.unwrap_or(Length::Deferred);
        }
        let message = match upload.state {
            State::Committed(id) => self.stores.messages.find(id).await?,
            _ => None,
        };
        self.standing_with(upload, message).await
    }

    /// The standing of an upload with its message.
    async fn standing_with(&self, upload: Upload, message: Option<Message>) -> Result<Standing, UploadError> {
        let published = match upload.state {
            State::Committed(id) => !self.stores.messages.is_unpublished(id).await?,
            _ => false,
        };
        let expires_at = upload.expires_at(self.limits.expire_after_secs);
        Ok(Standing { upload, message, published, expires_at })
    }
}
