//! The port of upload records and their ledgers.

use async_trait::async_trait;

use super::error::StoreError;
use super::leases::Elsewhere;
use crate::message::UserId;
use crate::time::Timestamp;
use crate::upload::{Appended, Binding, Bounds, CreationRefusal, Epoch, Held, State, Upload, UploadId};

/// Upload records, each with a ledger of the chunks that are durable. The ledger's end is the upload's
/// offset, which is stored nowhere else.
///
/// Changes that only the holder of an upload may make are rows, ends and removals. They carry the [`Epoch`]
/// of its lease, or that of the upload as it was read, and are refused ([`StoreError::Fenced`]) once another
/// request has taken the upload. A binding, a claim and a commit carry no epoch: any process may make them at
/// any time, also twice, and what is stored decides between two.
///
/// The sums over unfinished uploads ([`Upload::weight`]) change in the same step as a record, whichever
/// change that is. The parts of an upload are taken off once it is made of them ([`Upload::joined_parts`]).
#[async_trait]
pub trait Records: Send + Sync + 'static {
    /// Stores a new upload and, if it is bound with a `client_message_id`, takes that id for it. If the
    /// upload comes with bytes (`offset` above zero), they become the first row of its ledger.
    ///
    /// If another upload holds the id, `taking` decides. If the id stays with that one and nothing is stored,
    /// the answer names the holder.
    async fn create(&self, upload: &Upload, taking: Taking) -> Result<Created, StoreError> {
        self.create_with(upload, taking, Bounds::NONE, None).await
    }

    /// Stores a new upload as [`Records::create`] does, unless the bounds do not admit it beside what its
    /// owner holds ([`Bounds::admit`]). An upload that is stored already, or whose `client_message_id` stays
    /// with another one, is not measured by them. In the same step the upload's message is claimed at this
    /// time, as [`Messages::claim`](super::Messages::claim) right afterwards would. A claim that would be
    /// refused leaves the upload unclaimed.
    async fn create_with(
        &self,
        upload: &Upload,
        taking: Taking,
        bounds: Bounds,
        claim: Option<Timestamp>,
    ) -> Result<Created, StoreError>;

    /// The upload as recorded.
    async fn find(&self, id: UploadId) -> Result<Option<Upload>, StoreError>;

    /// The upload as recorded, and which process has it, where the record says that.
    async fn find_held(&self, id: UploadId) -> Result<Option<(Upload, Elsewhere)>, StoreError> {
        Ok(self.find(id).await?.map(|upload| (upload, Elsewhere::Unknown)))
    }

    /// The upload that holds the `client_message_id` that this one is bound with.
    async fn holder(&self, upload: &Upload) -> Result<Option<UploadId>, StoreError>;

    /// Puts the upload into its next epoch and answers that: from then on nothing written in an earlier one
    /// is accepted. `None` if there is no such upload. A lease among several processes begins with this;
    /// where one process has all uploads, it is never called.
    async fn raise(&self, id: UploadId) -> Result<Option<Epoch>, StoreError>;

    /// Adds a row at the end of the ledger, and changes length and state with it, in one step. Answers the
    /// state that is stored.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] unless the row's writer holds the upload; [`StoreError::Conflict`] unless the
    /// upload is receiving and the row starts at the ledger's end.
    async fn append(&self, id: UploadId, row: &Appended) -> Result<State, StoreError> {
        self.append_with(id, row, None).await
    }

    /// Adds a row as [`Records::append`] does, and in the same step claims the upload's message, as in
    /// [`Records::create_with`].
    ///
    /// # Errors
    /// The errors of [`Records::append`].
    async fn append_with(
        &self,
        id: UploadId,
        row: &Appended,
        claim: Option<Timestamp>,
    ) -> Result<State, StoreError>;

    /// Changes the state from `from` to `to` by the rules of [`Upload::end`], in one step. Entering
    /// [`State::Rejected`] or [`State::Expired`] keeps the record; [`State::Expired`] frees the
    /// `client_message_id`. An upload whose claimed message is lost keeps that id as any other rejected one:
    /// no message holds it any more ([`State::takes_back`]).
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the upload is gone or not in `from`, and for [`State::Expired`] if it is
    /// owed a message, as it may be since a binding a moment ago. [`StoreError::Fenced`] if the upload is not
    /// in the epoch `seen`.
    async fn transition(&self, id: UploadId, seen: Epoch, from: &State, to: &State)
    -> Result<(), StoreError>;

    /// Binds an unbound upload that is receiving or complete, and takes the binding's `client_message_id`
    /// under the rule of [`Records::create`].
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the upload is gone, bound already, or in another state.
    async fn bind(&self, id: UploadId, binding: &Binding, taking: Taking) -> Result<Created, StoreError>;

    /// Removes record and ledger, and frees the `client_message_id` unless a message holds it. An upload that
    /// does not exist counts as removed.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] while the upload is [`State::Finalizing`]: its message is being made.
    /// [`StoreError::Fenced`] if it is not in the epoch `seen`.
    async fn remove(&self, id: UploadId, seen: Epoch) -> Result<(), StoreError>;

    /// The owner's uploads that are not committed, newest first, at most `limit`; without the parts that
    /// another upload was made of ([`Upload::joined_parts`]), whatever became of that upload.
    async fn unfinished(&self, owner: &UserId, limit: usize) -> Result<Vec<Upload>, StoreError>;

    /// The sums over the owner's unfinished uploads.
    async fn held(&self, owner: &UserId) -> Result<Held, StoreError>;

    /// How many bytes all unfinished uploads lack for which room is kept.
    async fn missing(&self) -> Result<u128, StoreError>;

    /// Uploads that the server has to continue ([`Upload::is_driven`]), in the order of their ids, after
    /// `after`, at most `limit`.
    async fn owed(&self, after: Option<UploadId>, limit: usize) -> Result<Vec<UploadId>, StoreError>;

    /// Uploads that may expire (they are receiving, rejected, expired, or complete and unbound) and had no
    /// byte since `cutoff`, in an order of the store's own, at most `limit`.
    async fn idle_since(&self, cutoff: Timestamp, limit: usize) -> Result<Vec<UploadId>, StoreError>;

    /// Uploads that became committed before `cutoff`, the earliest first, at most `limit`.
    async fn committed_before(&self, cutoff: Timestamp, limit: usize) -> Result<Vec<UploadId>, StoreError>;
}

/// The fate of a `client_message_id` that another upload holds when an upload is bound with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taking {
    /// The id stays with its holder, and nothing is stored.
    IfFree,
    /// The id is taken from a holder whose message is not claimed yet, because the new upload comes with all
    /// of its bytes. A holder with a claimed message keeps it, and nothing is stored.
    Overtake,
    /// The id stays with its holder, and the upload is stored all the same, beside it: once both are
    /// complete, their files are compared.
    Beside,
}

/// The outcome of a creation or a binding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Created {
    /// The upload is stored, in this state.
    New(State),
    /// The `client_message_id` belongs to this upload; nothing changed.
    Taken(UploadId),
    /// The bounds do not admit the upload; nothing changed. A binding has no bounds.
    Refused(CreationRefusal),
}

impl Created {
    /// Whether the upload is stored.
    pub fn is_new(&self) -> bool {
        matches!(self, Self::New(_))
    }
}
