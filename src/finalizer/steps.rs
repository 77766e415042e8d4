//! The steps from a complete upload to its message. Each reads what is stored, so each can be the first one
//! after a kill.

use std::sync::Arc;

use super::join::Joined;
use super::{Ending, Finalizer, judge};
use crate::crash;
use crate::message::{ConversationId, MessageId, Stamp};
use crate::metrics;
use crate::store::{Claim, Place, StoreError};
use crate::time::Timestamp;
use crate::upload::{Conflict, RejectionReason, State, Upload, UploadId};

impl Finalizer {
    /// Takes an upload as far as it can go.
    pub(super) async fn finalize(self: &Arc<Self>, id: UploadId) -> Ending {
        match self.advance(id).await {
            Ok(ending) => ending,
            // Another request changed the upload meanwhile; what is stored says what to do.
            Err(error @ (StoreError::Conflict(_) | StoreError::Fenced)) => {
                tracing::debug!(upload = %id, %error, "the upload changed while it was finalized");
                Ending::Failed
            }
            Err(error) => {
                tracing::error!(upload = %id, %error, "finalizing failed and will be tried again");
                Ending::Failed
            }
        }
    }

    async fn advance(self: &Arc<Self>, id: UploadId) -> Result<Ending, StoreError> {
        let Some(upload) = self.stores.records.find(id).await? else { return Ok(Ending::NotOwed) };
        let upload = match self.join(upload).await? {
            Joined::Whole(upload) => upload,
            Joined::Waiting => return Ok(Ending::NotOwed),
            Joined::Later => return Ok(Ending::Failed),
            Joined::Held => return Ok(Ending::Held),
            Joined::NoRoom => return Ok(Ending::NoRoom),
            Joined::Unfit(upload, reason) => return self.reject(&upload, reason).await,
        };
        match upload.state {
            State::Complete if upload.digest_fault().is_some() || upload.binding.is_some() => {
                self.claim(upload).await
            }
            State::Finalizing(stamp) => self.make(&upload, stamp).await,
            State::Committed(message) => self.read(message).await,
            State::Rejected(rejection) => Ok(Ending::Rejected(rejection.reason)),
            State::Receiving | State::Complete | State::Expired => Ok(Ending::NotOwed),
        }
    }

    async fn claim(self: &Arc<Self>, upload: Upload) -> Result<Ending, StoreError> {
        let fault = match &upload.binding {
            Some(binding) => judge::fault(self.stores.memberships.as_ref(), &upload, binding).await?,
            None => upload.digest_fault(),
        };
        if let Some(reason) = fault {
            return self.reject(&upload, reason).await;
        }
        if self.contradicts_holder(&upload).await? {
            return self.reject(&upload, RejectionReason::AnotherFile).await;
        }
        let mut claim = self.stores.messages.claim(upload.id, Timestamp::now()).await?;
        // The holder has a claim of its own, so it never waits for this upload. It is this upload itself
        // where a final upload was ended after its message, and asked for again.
        if let Claim::Taken { upload: holder, .. } = claim
            && holder != upload.id
            && let Some(Ending::Rejected(_)) = self.drive(holder).await
        {
            // Its bytes are lost, and with them its right to the message.
            claim = self.stores.messages.claim(upload.id, Timestamp::now()).await?;
        }
        match claim {
            Claim::Finalizing(stamp) => self.make(&upload, stamp).await,
            Claim::Taken { message, .. } => self.adopt(&upload, message).await,
        }
    }

    /// The time at which the message of an upload, as it will be with its next change, may be claimed in the
    /// same step. An optimisation: if the claim is refused, `drive` finds that out.
    pub(crate) async fn claim_ahead(&self, upload: &Upload) -> Option<Timestamp> {
        let binding = upload.binding.as_ref().filter(|_| upload.state == State::Complete)?;
        let fault = judge::fault(self.stores.memberships.as_ref(), upload, binding).await;
        matches!(fault, Ok(None)).then(Timestamp::now)
    }

    /// Makes the message with this stamp. After the claim, it will be made whatever happens, unless its bytes
    /// are lost.
    async fn make(self: &Arc<Self>, upload: &Upload, stamp: Stamp) -> Result<Ending, StoreError> {
        crash::point("finalize.claimed");
        let message = upload.message(stamp).ok_or(StoreError::Conflict(Conflict::Unbound))?;
        let place = Place::of(&message);
        if !self.place(upload, &place).await? {
            return self.lose(upload, stamp).await;
        }
        crash::point("finalize.placed");
        self.stores.messages.commit(&message, Timestamp::now()).await?;
        self.made(upload, message.id, message.conversation_id);
        Ok(Ending::Message(Box::new(message)))
    }

    /// Takes note of an upload that has just been recorded: the store may have committed its message in the
    /// same step.
    pub(crate) fn recorded(&self, upload: &Upload) {
        if let (State::Committed(message), Some(binding)) = (&upload.state, &upload.binding) {
            self.made(upload, *message, binding.conversation_id);
        }
    }

    /// Takes note of a message that was committed just now: it is announced at once.
    fn made(&self, upload: &Upload, message: MessageId, conversation: ConversationId) {
        crash::point("finalize.committed");
        self.committed.add(message, conversation);
        metrics::get().messages_made.inc();
        self.teller.committed(upload.id);
        let ms = Timestamp::now().millis().saturating_sub(upload.created_at.millis());
        tracing::info!(
            upload = %upload.id, message_id = %message, %conversation, bytes = upload.offset, ms, "message made"
        );
    }

    /// Places the bytes of a claimed message; `false` if they are lost. From then on no other process places
    /// them either, so the message will never be committed.
    async fn place(&self, upload: &Upload, place: &Place) -> Result<bool, StoreError> {
        let payloads = &self.stores.payloads;
        match payloads.place(upload.id, upload.offset, place).await {
            Err(StoreError::Damaged(what)) => {
                tracing::error!(upload = %upload.id, what, "the bytes of a claimed message are damaged");
                // What keeps every upload from its place is no loss of this one's bytes.
                payloads.probe().await?;
                Ok(!payloads.give_up(upload.id, upload.offset, place).await?)
            }
            placed => placed.map(|()| true),
        }
    }

    /// Gives the upload the message of another upload with the same `client_message_id`, if the file is the
    /// same. The record goes first: until it says that the upload is done, its bytes may be needed to compare
    /// them.
    async fn adopt(self: &Arc<Self>, upload: &Upload, message: MessageId) -> Result<Ending, StoreError> {
        let Some(made) = self.stores.messages.find(message).await? else {
            return Err(StoreError::Unavailable(format!("message {message} is not committed yet")));
        };
        match self.is_file_of(upload, &made).await {
            Ok(true) => {}
            Ok(false) => return self.reject(upload, RejectionReason::AnotherFile).await,
            Err(error) if is_loss(&error) => {
                tracing::error!(upload = %upload.id, %message, %error, "a file is damaged, and cannot be compared");
                return self.reject(upload, RejectionReason::Damaged).await;
            }
            Err(error) => return Err(error),
        }
        let (complete, committed) = (State::Complete, State::Committed(message));
        self.stores.records.transition(upload.id, upload.epoch, &complete, &committed).await?;
        crash::point("adopt.recorded");
        self.free(upload).await?;
        self.tell_repeat(upload, message).await?;
        tracing::info!(upload = %upload.id, message_id = %message, "upload repeats a message");
        Ok(Ending::Message(Box::new(made)))
    }

    /// Announces that the upload is finished once its message, which another upload became, has been
    /// announced.
    pub(crate) async fn tell_repeat(&self, upload: &Upload, message: MessageId) -> Result<(), StoreError> {
        self.teller.repeats(upload, message);
        if !self.stores.messages.is_unpublished(message).await? {
            self.teller.announced(message);
        }
        Ok(())
    }

    async fn read(&self, message: MessageId) -> Result<Ending, StoreError> {
        match self.stores.messages.find(message).await? {
            Some(message) => Ok(Ending::Message(Box::new(message))),
            None => Err(StoreError::Damaged(format!("committed message {message} is missing"))),
        }
    }

    async fn reject(&self, upload: &Upload, reason: RejectionReason) -> Result<Ending, StoreError> {
        let rejected = upload.state.reject(reason).map_err(Conflict::from)?;
        self.end(upload, &upload.state, &rejected, reason).await
    }

    /// Ends an upload whose message was claimed, and whose bytes are given up.
    async fn lose(&self, upload: &Upload, stamp: Stamp) -> Result<Ending, StoreError> {
        let claimed = State::Finalizing(stamp);
        let rejected = claimed.lose().map_err(Conflict::from)?;
        self.end(upload, &claimed, &rejected, RejectionReason::Damaged).await
    }

    async fn end(
        &self,
        upload: &Upload,
        from: &State,
        rejected: &State,
        reason: RejectionReason,
    ) -> Result<Ending, StoreError> {
        self.stores.records.transition(upload.id, upload.epoch, from, rejected).await?;
        crash::point("reject.recorded");
        self.free(upload).await?;
        self.teller.cancelled(upload);
        metrics::get().uploads_rejected.inc();
        tracing::info!(upload = %upload.id, bytes = upload.offset, %reason, "upload rejected");
        Ok(Ending::Rejected(reason))
    }
}

/// Whether the error says that stored bytes are damaged or missing.
fn is_loss(error: &StoreError) -> bool {
    matches!(error, StoreError::Damaged(_) | StoreError::Missing(_))
}
