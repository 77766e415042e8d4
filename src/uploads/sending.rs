//! The uploads that are being sent now, for users who may know.

use std::collections::HashMap;

use tokio_util::sync::CancellationToken;

use super::Uploads;
use super::error::UploadError;
use crate::message::{ConversationId, UserId};
use crate::store::{Announcement, StoreError};
use crate::telling::{MOST_FOLLOWED, Sending};
use crate::time::Timestamp;
use crate::upload::{State, UploadId};

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
        let sending = self.finalizer.teller().sending(Some(conversation));
        Ok(self.still_sending(sending.into_iter().map(|sending| sending.progress.upload_id)).await?)
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
        self.still_sending(to_user).await
    }

    /// Those of these uploads that are being sent now. What another process has been silent about for long is
    /// compared with its record: its end may not have been heard here.
    async fn still_sending(
        &self,
        ids: impl IntoIterator<Item = UploadId>,
    ) -> Result<Vec<Sending>, StoreError> {
        let (teller, mut still) = (self.finalizer.teller(), Vec::new());
        for id in ids {
            if teller.may_be_gone(id) {
                let upload = self.stores.records.find(id).await?;
                teller.is_there(id, upload.is_some_and(|upload| upload.state == State::Receiving));
            }
            still.extend(teller.sending_now(id));
        }
        Ok(still)
    }

    /// Takes in an event of an upload that another process receives.
    pub fn heard_elsewhere(&self, event: &Announcement) {
        self.finalizer.teller().heard_elsewhere(event);
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
