//! What a change reads before it decides, under locks.
//!
//! All of it comes with one statement, whose snapshot may be older than the locks that it waits for. A row
//! that was there is read as it is now, as locks do; a row that was inserted meanwhile is not seen, and the
//! insertion that follows is refused by its key.

use super::change::Tx;
use super::client_ids::Holder;
use super::clocks::Clock;
use super::fault::Fault;
use super::rows::{self, UPLOAD};
use crate::upload::{Binding, Conflict, Upload, UploadId};

/// An upload and what depends on it.
pub(super) struct Seen {
    pub(super) upload: Upload,
    /// Whether another upload was made of it: then it is in no sum.
    pub(super) is_used: bool,
    pub(super) holder: Option<Holder>,
    pub(super) clock: Option<Clock>,
}

/// The rows beside the upload that a change needs.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Beside<'a> {
    /// The holder of the upload's `client_message_id`.
    pub(super) holder: bool,
    /// The holder of this binding's, for an upload that has none.
    pub(super) binding: Option<&'a Binding>,
    /// The clock of the upload's conversation.
    pub(super) clock: bool,
}

/// Locks an upload and what is beside it; `None` if there is no such upload.
pub(super) async fn look(tx: &Tx, id: UploadId, beside: Beside<'_>) -> Result<Option<Seen>, Fault> {
    let sql = format!(
        "with u as materialized (select * from uploads where id = $1 for update),
         c as materialized (select c.upload, c.message_id from client_ids c join u on c.sender = u.owner
             and c.conversation = coalesce(u.conversation, $2)
             and c.client_message_id = coalesce(u.client_message_id, $3) where $4::boolean for update of c),
         k as materialized (select k.* from clocks k join u on k.conversation = u.conversation
             where $5::boolean for update of k)
         select {UPLOAD}, c.upload holder, c.message_id holder_message, k.latest_id, k.latest_at, k.position
         from u left join c on true left join k on true",
    );
    let conversation = beside.binding.map(|binding| binding.conversation_id.as_bytes().to_vec());
    let client = beside.binding.and_then(|binding| binding.client_message_id.as_ref()).map(|id| id.as_str());
    let is_needed = beside.holder || beside.binding.is_some();
    let row = tx.row(&sql, &[&id.uuid(), &conversation, &client, &is_needed, &beside.clock]).await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Seen {
        upload: rows::upload(&row)?,
        is_used: rows::column(&row, "is_used")?,
        holder: Holder::of(&row)?,
        clock: Clock::of(&row)?,
    }))
}

/// Locks an upload that has to be there.
pub(super) async fn existing(tx: &Tx, id: UploadId, beside: Beside<'_>) -> Result<Seen, Fault> {
    look(tx, id, beside).await?.ok_or_else(|| Conflict::Gone.into())
}
