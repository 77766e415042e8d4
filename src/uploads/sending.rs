//! The uploads that are being sent now, for users who may know.

use std::collections::HashMap;

use tokio_util::sync::CancellationToken;

use super::Uploads;
use super::error::UploadError;
use crate::message::{ConversationId, UserId};
use crate::store::StoreError;
use crate::telling::{MOST_FOLLOWED, Sending};
use crate::time::Timestamp;

/// The most uploads that a new connection is told of.
const MOST_TOLD: usize = 256;

impl Uploads {
    /// The uploads that are being sent in a conversation of the user's.
    ///
    /// # Errors
    /// [`UploadError::ConversationNotFound`], [`UploadError::NotAParticipant`].
    pub async fn sending_in(
        &self,
        user: &UserId,
        conversation: ConversationId,
    ) -> Result<Vec<Sending>, UploadError> {
        self.may_send(user, conversation).await?;
        Ok(self.finalizer.teller().sending(Some(conversation)))
    }

    /// The uploads that are being sent in all conversations of the user's, for a new connection: a bounded
    /// number of them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn sending_to(&self, user: &UserId) -> Result<Vec<Sending>, StoreError> {
        let teller = self.finalizer.teller();
        let (mut to_user, mut members) = (Vec::new(), HashMap::new());
        for sending in teller.sending(None) {
            let conversation = sending.progress.conversation_id;
            let is_member = match members.get(&conversation) {
                Some(known) => *known,
                None => self.stores.memberships.is_participant(conversation, user).await? == Some(true),
            };
            members.insert(conversation, is_member);
            if is_member && to_user.len() < MOST_TOLD {
                to_user.push(sending.progress.upload_id);
            }
        }
        // The end of an upload that has ended meanwhile has been announced.
        Ok(to_user.into_iter().filter_map(|id| teller.sending_now(id)).collect())
    }

    /// Announces uploads that come to a standstill, those from before this start included, until cancelled.
    pub async fn keep_telling(&self, cancelled: CancellationToken) {
        let recalling = async {
            if let Some(Err(error)) = cancelled.run_until_cancelled(self.recall()).await {
                tracing::error!(%error, "unfinished uploads could not be recalled");
            }
        };
        tokio::join!(recalling, self.finalizer.teller().keep_looking(&cancelled));
    }

    async fn recall(&self) -> Result<(), StoreError> {
        let records = &self.stores.records;
        for id in records.idle_since(Timestamp::now(), MOST_FOLLOWED).await? {
            if let Some(upload) = records.find(id).await?
                && !self.is_overdue(&upload).await?
            {
                self.finalizer.teller().recall(&upload);
            }
        }
        Ok(())
    }
}
