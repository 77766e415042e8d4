//! Making a message of an upload that was created without a conversation.

use super::Uploads;
use super::error::UploadError;
use super::standing::Standing;
use crate::message::UserId;
use crate::store::{Created, StoreError};
use crate::upload::{Binding, Concat, UploadId};

impl Uploads {
    /// Binds the upload, complete or still running, and answers how it stands: with its message if it is
    /// complete. Binding it again to the same is no change. If another upload has the message of the
    /// `client_message_id`, the answer is that upload's standing.
    ///
    /// # Errors
    /// [`UploadError::AlreadyBound`] if it is to become, or is, another message.
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
        match self.stores.records.bind(id, &binding).await {
            Ok(Created::New) => {
                let bound = self.stores.records.find(id).await?.ok_or(UploadError::NotFound)?;
                self.finalizer.teller().started(&bound);
                self.settle(id).await
            }
            Ok(Created::Taken(holder)) => {
                let standing = self.settle(holder).await?;
                if standing.message.is_some() { Ok(standing) } else { Err(UploadError::AlreadyBound) }
            }
            Err(StoreError::Conflict(_)) => Err(UploadError::Busy),
            Err(error) => Err(error.into()),
        }
    }
}
