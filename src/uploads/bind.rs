//! Binding: makes a message of an upload that was created without a conversation.

use super::Uploads;
use super::error::UploadError;
use super::standing::Standing;
use crate::message::UserId;
use crate::store::{Created, StoreError, Taking};
use crate::upload::{Binding, Concat, State, Upload, UploadId};

impl Uploads {
    /// Binds the upload, complete or still running, and answers its standing: with its message if it is
    /// complete. Binding it again to the same changes nothing. If another upload has the message of the
    /// `client_message_id`, this upload shares it if the file is the same.
    ///
    /// # Errors
    /// [`UploadError::AlreadyBound`] if the upload is to become, or is, another message;
    /// [`UploadError::AnotherFile`].
    pub async fn bind(
        &self,
        owner: &UserId,
        id: UploadId,
        binding: Binding,
    ) -> Result<Standing, UploadError> {
        self.may_send(owner, binding.conversation_id).await?;
        let upload = self.find(owner, id).await?;
        if upload.concat == Concat::Partial {
            return Err(UploadError::PartialUpload);
        }
        match &upload.binding {
            Some(bound) if *bound == binding => return self.settle(id).await,
            Some(_) => return Err(UploadError::AlreadyBound),
            None => {}
        }
        match self.stores.records.bind(id, &binding, Taking::IfFree).await {
            Ok(Created::New(_)) => {
                let bound = self.stores.records.find(id).await?.ok_or(UploadError::NotFound)?;
                self.finalizer.teller().started(&bound);
                self.settle(id).await
            }
            Ok(Created::Taken(holder)) => {
                self.finalizer.drive(holder).await;
                self.bind_beside(Upload { binding: Some(binding), ..upload }).await
            }
            Ok(Created::Refused(refusal)) => Err(refusal.into()),
            Err(StoreError::Conflict(_)) => Err(UploadError::Busy),
            Err(error) => Err(error.into()),
        }
    }

    /// Binds the upload to a message that exists. If that is refused, the upload is as before, and may be
    /// bound otherwise.
    async fn bind_beside(&self, bound: Upload) -> Result<Standing, UploadError> {
        let message = self.stores.messages.of_client(&bound).await?.ok_or(UploadError::AlreadyBound)?;
        let is_whole = bound.state == State::Complete;
        if !bound.known_file().may_be((&message).into())
            || is_whole && !self.finalizer.is_file_of(&bound, &message).await?
        {
            return Err(UploadError::AnotherFile);
        }
        let binding = bound.binding.as_ref().ok_or(UploadError::AlreadyBound)?;
        match self.stores.records.bind(bound.id, binding, Taking::Beside).await {
            Ok(_) => self.settle(bound.id).await,
            Err(StoreError::Conflict(_)) => Err(UploadError::Busy),
            Err(error) => Err(error.into()),
        }
    }
}
