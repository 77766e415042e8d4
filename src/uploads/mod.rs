//! Use cases of uploads: create, append, look, end, bind, and the upload that comes in one piece. All of them
//! end in the finalizer. Work that must not be undone outlives its request.

mod append;
mod bind;
mod body;
mod checkpoint;
mod concatenate;
mod create;
mod create_with;
mod error;
mod fenced;
mod gathered;
mod intake;
mod limits;
mod look;
mod one_shot;
mod orphans;
mod reception;
mod reject;
mod sending;
mod sent_again;
mod standing;
mod sums;
mod sweep;
mod terminate;
#[cfg(test)]
mod tests;
mod unrecorded;

pub use body::{Body, BodyBroken, BodyFrame, Frames};
pub use concatenate::NewFinal;
pub use create::{Creation, NewUpload};
pub use error::UploadError;
pub use limits::Limits;
pub use one_shot::OneShot;
pub use standing::Standing;

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use crate::finalizer::Ability;
use crate::finalizer::{Finalizer, Overdue};
use crate::message::{ConversationId, MessageId, UserId};
use crate::reservations::{Allowance, RoomLeft};
use crate::store::{Elsewhere, Lease, StoreError, Stores};
use crate::time::Timestamp;
use crate::upload::{State, Upload, UploadId};
use orphans::Begun;

/// The use cases of uploads.
#[derive(Debug)]
pub struct Uploads {
    stores: Stores,
    finalizer: Arc<Finalizer>,
    allowance: Allowance,
    limits: Limits,
    /// Without a record.
    begun: Begun,
    tasks: TaskTracker,
    draining: CancellationToken,
}

impl Uploads {
    /// The use cases over these stores. Room comes from the allowance that the finalizer's joins use. The
    /// tracker has all work that must not be cut off;
    /// `draining` ends requests that can be resumed, and keeps out those that cannot.
    pub fn new(
        stores: Stores,
        finalizer: Arc<Finalizer>,
        limits: Limits,
        tasks: TaskTracker,
        draining: CancellationToken,
    ) -> Self {
        let allowance = finalizer.allowance().clone();
        Self { stores, finalizer, allowance, limits, begun: Begun::default(), tasks, draining }
    }

    /// The bounds in force.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Checks that the user may send to the conversation.
    ///
    /// # Errors
    /// [`UploadError::ConversationNotFound`], [`UploadError::NotAParticipant`].
    pub async fn may_send(&self, user: &UserId, conversation: ConversationId) -> Result<(), UploadError> {
        match self.stores.memberships.is_participant(conversation, user).await? {
            Some(true) => Ok(()),
            Some(false) => Err(UploadError::NotAParticipant),
            None => Err(UploadError::ConversationNotFound),
        }
    }

    /// The caller's upload; another user's does not exist here. While a request holds an upload, it is not
    /// overdue.
    async fn find(&self, owner: &UserId, id: UploadId) -> Result<Upload, UploadError> {
        Ok(self.find_with_holder(owner, id).await?.0)
    }

    /// The caller's upload, and which process has it, where the record says that.
    async fn find_with_holder(
        &self,
        owner: &UserId,
        id: UploadId,
    ) -> Result<(Upload, Elsewhere), UploadError> {
        let (upload, elsewhere) = self.stores.records.find_held(id).await?.ok_or(UploadError::NotFound)?;
        let upload = self.shown(owner, upload).await?;
        if self.is_overdue(&upload).await? { Err(UploadError::Expired) } else { Ok((upload, elsewhere)) }
    }

    /// The caller's upload, for a request that holds it.
    async fn find_held(
        &self,
        owner: &UserId,
        id: UploadId,
        lease: &mut Lease,
    ) -> Result<Upload, UploadError> {
        let found = match lease.take_found() {
            Some(found) => Some(found),
            None => self.stores.records.find(id).await?,
        };
        self.shown(owner, found.ok_or(UploadError::NotFound)?).await
    }

    /// An upload, if it is the caller's and is told of still.
    async fn shown(&self, owner: &UserId, upload: Upload) -> Result<Upload, UploadError> {
        if upload.owner != *owner {
            return Err(UploadError::NotFound);
        }
        match upload.state {
            State::Expired => Err(UploadError::Expired),
            State::Committed(message) if self.is_over(&upload, message).await? => Err(UploadError::Over),
            _ => Ok(upload),
        }
    }

    /// Whether the upload's time is up and no request holds it, even if the sweep has not come yet.
    async fn is_overdue(&self, upload: &Upload) -> Result<bool, StoreError> {
        Ok(self.is_due(upload) && self.stores.leases.take_idle(upload.id).await?.is_some())
    }

    fn is_due(&self, upload: &Upload) -> bool {
        let expires_at = upload.expires_at(self.limits.expire_after_secs);
        expires_at.is_some_and(|at| at <= Timestamp::now())
    }

    /// Whether the upload's message was published, and the time in which the upload is told of is over.
    async fn is_over(&self, upload: &Upload, message: MessageId) -> Result<bool, StoreError> {
        let ends_at = upload.active_at.plus_secs(self.limits.result_window_secs);
        Ok(ends_at <= Timestamp::now() && !self.stores.messages.is_unpublished(message).await?)
    }

    /// Checks that the caller may still send to the conversation that the upload is bound to.
    async fn may_go_on(&self, upload: &Upload) -> Result<(), UploadError> {
        match &upload.binding {
            Some(binding) => self.may_send(&upload.owner, binding.conversation_id).await,
            None => Ok(()),
        }
    }

    /// Whether messages can be made of complete uploads.
    pub async fn ability(&self) -> Ability {
        self.finalizer.ability().await
    }

    /// Whether a client that sends a small upload finds room for it.
    pub async fn has_room(&self) -> bool {
        self.allowance.has_room().await.unwrap_or(false)
    }

    /// How much room there is; `None` if the disk cannot be asked.
    pub async fn room_left(&self) -> Option<RoomLeft> {
        self.allowance.left().await.ok()
    }

    /// How late the oldest owed work is, if the records can be read.
    pub async fn overdue(&self) -> Option<Overdue> {
        self.finalizer.overdue(Timestamp::now()).await.ok()
    }

    /// Leaves all uploads to other processes, if there are any: this one is about to end.
    pub async fn leave(&self) {
        self.stores.leases.leave().await;
    }

    /// Suspends the limits of a user until this time, for a backend that uploads for many.
    pub fn trust(&self, user: &UserId, until: Timestamp) {
        self.allowance.trust(user, until);
    }
}
