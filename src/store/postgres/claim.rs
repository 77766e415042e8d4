//! Claims: at most one message of each `client_message_id`, under stamps that only grow.

use async_trait::async_trait;

use super::change::{Change, Tx};
use super::fault::Fault;
use super::seen::{self, Beside, Clock, Holder};
use super::store::Postgres;
use super::write;
use crate::message::{ConversationId, Stamp};
use crate::store::Claim;
use crate::time::Timestamp;
use crate::upload::{State, Upload, UploadId};

/// Claims the message of a complete upload.
pub(super) struct ClaimMessage<'a> {
    pub(super) store: &'a Postgres,
    pub(super) id: UploadId,
    pub(super) now: Timestamp,
}

#[async_trait]
impl Change for ClaimMessage<'_> {
    type Answer = Claim;

    async fn make(&self, tx: &Tx) -> Result<Claim, Fault> {
        let beside = Beside { holder: true, clock: true, binding: None };
        let seen = seen::existing(tx, self.id, beside).await?;
        if let State::Finalizing(stamp) = seen.upload.state {
            return Ok(Claim::Finalizing(stamp));
        }
        let conversation = seen.upload.claimable()?.conversation_id;
        let claim =
            allocate(tx, self.store, &seen.upload, conversation, &seen.holder, &seen.clock, self.now).await?;
        if let Claim::Finalizing(stamp) = claim {
            write::replace(tx, &seen, &seen.upload.clone().claim(stamp)?).await?;
        }
        Ok(claim)
    }
}

/// The state that an upload gets: with its message claimed, if a claim goes along and is possible.
pub(super) async fn along(
    tx: &Tx,
    store: &Postgres,
    upload: &Upload,
    holder: &Option<Holder>,
    clock: &Option<Clock>,
    claim: Option<Timestamp>,
) -> Result<State, Fault> {
    let (Some(now), Ok(binding)) = (claim, upload.claimable()) else { return Ok(upload.state.clone()) };
    let claim = allocate(tx, store, upload, binding.conversation_id, holder, clock, now).await?;
    Ok(match claim {
        Claim::Finalizing(stamp) => State::Finalizing(stamp),
        Claim::Taken { .. } => upload.state.clone(),
    })
}

/// Claims a message for a complete upload, unless its `client_message_id` has one already.
async fn allocate(
    tx: &Tx,
    store: &Postgres,
    upload: &Upload,
    conversation: ConversationId,
    holder: &Option<Holder>,
    clock: &Option<Clock>,
    now: Timestamp,
) -> Result<Claim, Fault> {
    if let Some(Holder { upload, message: Some(message) }) = *holder {
        return Ok(Claim::Taken { message, upload });
    }
    let latest = free_stamp(tx, store, clock.map(|clock| clock.latest), now).await?;
    let position = clock.and_then(|clock| clock.position);
    write::set_clock(tx, conversation, *clock, Clock { latest, position }).await?;
    write::hold(tx, upload, *holder, Some(latest.id)).await?;
    Ok(Claim::Finalizing(latest))
}

/// The next stamp whose id no message of any conversation has.
async fn free_stamp(
    tx: &Tx,
    store: &Postgres,
    latest: Option<Stamp>,
    now: Timestamp,
) -> Result<Stamp, Fault> {
    loop {
        let stamp = store.stamp(now, latest);
        let taken = "select 1 from messages where id = $1";
        if tx.row(taken, &[&stamp.id.as_bytes().as_slice()]).await?.is_none() {
            return Ok(stamp);
        }
    }
}
