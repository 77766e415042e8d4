//! The port of upload records and their ledgers.

use async_trait::async_trait;

use super::error::StoreError;
use crate::message::UserId;
use crate::time::Timestamp;
use crate::upload::{Appended, Binding, Epoch, State, Upload, UploadId};

/// Upload records, each with a ledger of the chunks that are durable. The ledger's end is the upload's offset;
/// there is no other place where an offset is stored.
///
/// What only the holder of an upload may do carries the [`Epoch`] of its lease, or that of the upload as it was read,
/// and is refused ([`StoreError::Fenced`]) once another has taken the upload: rows, ends, removals. A binding, a claim
/// and a commit carry none. Any process may make them at any time, also twice, and what is stored decides between two.
#[async_trait]
pub trait Records: Send + Sync + 'static {
    /// Stores a new upload, and, if it is bound with a `client_message_id`, takes that id for it. An upload
    /// that comes with bytes (`offset` above zero) gets them as the first row of its ledger.
    ///
    /// An id that another upload holds is treated as `taking` says; if it stays with that one and nothing is
    /// stored, the answer names the holder.
    async fn create(&self, upload: &Upload, taking: Taking) -> Result<Created, StoreError> {
        self.create_with(upload, taking, None).await
    }

    /// [`Records::create`], and in the same step the claim of the upload's message at this time, as
    /// [`Messages::claim`](super::Messages::claim) right afterwards would; what that would refuse leaves the upload as
    /// it is without.
    async fn create_with(
        &self,
        upload: &Upload,
        taking: Taking,
        claim: Option<Timestamp>,
    ) -> Result<Created, StoreError>;

    /// The upload as recorded.
    async fn find(&self, id: UploadId) -> Result<Option<Upload>, StoreError>;

    /// Which upload holds the `client_message_id` that this one is bound with.
    async fn holder(&self, upload: &Upload) -> Result<Option<UploadId>, StoreError>;

    /// Puts the upload into its next epoch, which is answered: from then on nothing is taken that is written in an
    /// earlier one. `None` if there is no such upload. It is what a lease among several processes begins with; where
    /// one process has all uploads, it is never asked for.
    async fn raise(&self, id: UploadId) -> Result<Option<Epoch>, StoreError>;

    /// Adds a row at the end of the ledger and changes length and state with it, in one step. Answers the state that is
    /// stored.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] unless the row's writer holds the upload; [`StoreError::Conflict`] unless that is
    /// receiving and the row starts at the ledger's end.
    async fn append(&self, id: UploadId, row: &Appended) -> Result<State, StoreError> {
        self.append_with(id, row, None).await
    }

    /// [`Records::append`], and in the same step the claim of the upload's message, as in [`Records::create_with`].
    ///
    /// # Errors
    /// As [`Records::append`].
    async fn append_with(
        &self,
        id: UploadId,
        row: &Appended,
        claim: Option<Timestamp>,
    ) -> Result<State, StoreError>;

    /// Changes the state from `from` to `to` by the rules of [`Upload::end`], in one step. Entering [`State::Rejected`] or
    /// [`State::Expired`] keeps the record; [`State::Expired`] gives the `client_message_id` free.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the upload is gone or not in `from`, and for [`State::Expired`] if it is owed
    /// a message, which it may have become by a binding a moment ago. [`StoreError::Fenced`] if it is not in the epoch
    /// that was seen.
    async fn transition(&self, id: UploadId, seen: Epoch, from: &State, to: &State)
    -> Result<(), StoreError>;

    /// Binds an unbound upload that is receiving or complete, and takes the binding's `client_message_id`
    /// under the rule of [`Records::create`].
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if it is gone, bound already, or in another state.
    async fn bind(&self, id: UploadId, binding: &Binding, taking: Taking) -> Result<Created, StoreError>;

    /// Removes record and ledger, and gives the `client_message_id` free unless a message holds it.
    /// An upload that is not there is removed.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] while it is [`State::Finalizing`]: its message will be made. [`StoreError::Fenced`] if
    /// it is not in the epoch that was seen.
    async fn remove(&self, id: UploadId, seen: Epoch) -> Result<(), StoreError>;

    /// The owner's uploads that are not committed, newest first, at most `limit`; without the parts that another
    /// upload was made of ([`Upload::joined_parts`]), whatever became of that.
    async fn unfinished(&self, owner: &UserId, limit: usize) -> Result<Vec<Upload>, StoreError>;

    /// Everybody's uploads that are not committed, in an order of the store's own, at most `limit`; without the parts
    /// that another upload was made of. `after` is the last one of those that were seen before, whether it is still
    /// there or not.
    async fn every_unfinished(&self, after: Option<&Upload>, limit: usize)
    -> Result<Vec<Upload>, StoreError>;

    /// Uploads that the server has to go on with ([`Upload::is_driven`]), in the order of their ids, after
    /// `after`, at most `limit`.
    async fn owed(&self, after: Option<UploadId>, limit: usize) -> Result<Vec<UploadId>, StoreError>;

    /// Uploads that may expire (they are receiving, rejected, expired, or complete and unbound) and had no
    /// byte since `cutoff`, in an order of the store's own, at most `limit`.
    async fn idle_since(&self, cutoff: Timestamp, limit: usize) -> Result<Vec<UploadId>, StoreError>;

    /// Uploads that became committed before `cutoff`, the earliest first, at most `limit`.
    async fn committed_before(&self, cutoff: Timestamp, limit: usize) -> Result<Vec<UploadId>, StoreError>;
}

/// What becomes of a `client_message_id` that another upload holds when an upload is bound with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taking {
    /// It stays with its holder, and nothing is stored.
    IfFree,
    /// It is taken from a holder whose message is not claimed yet, because the new upload comes with all of its
    /// bytes. A holder with a claimed message keeps it, and nothing is stored.
    Overtake,
    /// It stays with its holder, and the upload is stored all the same, beside it: once both are complete, it is
    /// found out whether they are the same file.
    Beside,
}

/// How a creation or a binding went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Created {
    /// It is stored, in this state.
    New(State),
    /// Its `client_message_id` belongs to this upload; nothing changed.
    Taken(UploadId),
}

impl Created {
    /// Whether it is stored.
    pub fn is_new(&self) -> bool {
        matches!(self, Self::New(_))
    }
}
