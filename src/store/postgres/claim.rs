//! Claims: at most one message of each `client_message_id`, under stamps that only grow.

use async_trait::async_trait;
use futures_util::try_join;

use super::change::{Change, Tx};
use super::client_ids::{self, Holder};
use super::clocks::{self, Clock};
use super::fault::Fault;
use super::seen::{self, Beside};
use super::store::Postgres;
use super::uploads;
use crate::message::{MessageId, Stamp};
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
        seen.upload.claimable()?;
        let claim = decide(self.store, seen.holder, seen.clock, self.now);
        if let Claim::Finalizing(stamp) = claim {
            let claimed = seen.upload.clone().claim(stamp)?;
            try_join!(
                note(tx, &claimed, seen.holder, seen.clock, Some(stamp)),
                uploads::replace(tx, &seen, &claimed)
            )?;
        }
        Ok(claim)
    }
}

/// The stamp under which a message is claimed along with another change, if that is asked for and possible.
pub(super) fn along(
    store: &Postgres,
    upload: &Upload,
    holder: Option<Holder>,
    clock: Option<Clock>,
    claim: Option<Timestamp>,
) -> Option<Stamp> {
    let now = claim.filter(|_| upload.claimable().is_ok())?;
    match decide(store, holder, clock, now) {
        Claim::Finalizing(stamp) => Some(stamp),
        Claim::Taken { .. } => None,
    }
}

/// Writes what a claim under this stamp changes beside the upload.
pub(super) async fn note(
    tx: &Tx,
    upload: &Upload,
    holder: Option<Holder>,
    clock: Option<Clock>,
    stamp: Option<Stamp>,
) -> Result<(), Fault> {
    let (Some(latest), Some(binding)) = (stamp, &upload.binding) else { return Ok(()) };
    let next = Clock { latest, position: clock.and_then(|clock| clock.position) };
    try_join!(
        is_free(tx, latest.id),
        clocks::set(tx, binding.conversation_id, clock, next),
        client_ids::hold(tx, upload, holder, Some(latest.id))
    )?;
    Ok(())
}

/// A stamp for a complete and bound upload, unless its `client_message_id` has a message already.
fn decide(store: &Postgres, holder: Option<Holder>, clock: Option<Clock>, now: Timestamp) -> Claim {
    match holder {
        Some(Holder { upload, message: Some(message) }) => Claim::Taken { message, upload },
        _ => Claim::Finalizing(store.stamp(now, clock.map(|clock| clock.latest))),
    }
}

/// Begins anew, with another random number, if a message of another conversation has the id.
async fn is_free(tx: &Tx, id: MessageId) -> Result<(), Fault> {
    let taken = tx.row("select 1 from messages where id = $1", &[&id.as_bytes().as_slice()]).await?;
    if taken.is_none() { Ok(()) } else { Err(Fault::Again) }
}
