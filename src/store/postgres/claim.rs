//! Claims: at most one message of each `client_message_id`, under stamps that only grow.

use async_trait::async_trait;
use futures_util::try_join;

use super::change::{self, Change, Tx};
use super::client_ids::{self, Holder};
use super::clocks::{self, Clock};
use super::commit;
use super::fault::Fault;
use super::seen::{self, Beside};
use super::store::Postgres;
use super::uploads;
use crate::message::{Message, MessageId, Stamp};
use crate::store::{Claim, StoreError};
use crate::time::Timestamp;
use crate::upload::{Conflict, State, Upload, UploadId};

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

/// A claim along with another change.
pub(super) struct Along<'a> {
    pub(super) store: &'a Postgres,
    pub(super) holder: Option<Holder>,
    pub(super) clock: Option<Clock>,
    /// The time of the claim, if there is to be one.
    pub(super) at: Option<Timestamp>,
    /// What else goes along: perhaps the message's file.
    pub(super) along: Option<&'a dyn change::Along>,
}

/// An upload after a change, with the message that was claimed along.
pub(super) struct Claimed {
    pub(super) upload: Upload,
    stamp: Option<Stamp>,
    /// The message, if it is committed as well.
    message: Option<Message>,
}

impl Along<'_> {
    /// Claims the upload's message, if that is asked for and possible; commits it, if its file comes along.
    pub(super) fn claim(&self, upload: Upload) -> Result<Claimed, Conflict> {
        let now = self.at.filter(|_| upload.claimable().is_ok());
        let claim = now.map(|now| (now, decide(self.store, self.holder, self.clock, now)));
        let Some((now, Claim::Finalizing(stamp))) = claim else {
            return Ok(Claimed { upload, stamp: None, message: None });
        };
        let claimed = upload.claim(stamp)?;
        let message = claimed.message(stamp).filter(|_| self.along.is_some_and(change::Along::makes_file));
        let upload = match &message {
            Some(message) => claimed.clone().commit(message.id, now)?.unwrap_or(claimed),
            None => claimed,
        };
        Ok(Claimed { upload, stamp: Some(stamp), message })
    }

    /// Writes what a claim changes beside the upload, and what goes along.
    pub(super) async fn write(&self, tx: &Tx, claimed: &Claimed) -> Result<(), Fault> {
        let Claimed { upload, stamp, message } = claimed;
        let Some(message) = message else {
            let along = async {
                match self.along {
                    Some(along) => along.write(tx, None).await,
                    None => Ok(()),
                }
            };
            try_join!(note(tx, upload, self.holder, self.clock, *stamp), along)?;
            return Ok(());
        };
        let along = self.along.ok_or_else(|| StoreError::Damaged("a file of nothing".into()))?;
        let (clock, position) = commit::clock(message, self.clock);
        try_join!(
            clocks::set(tx, message.conversation_id, self.clock, clock),
            client_ids::hold(tx, upload, self.holder, Some(message.id)),
            commit::insert(tx, message, position, upload.active_at),
            along.write(tx, Some(message.id))
        )?;
        Ok(())
    }
}

/// Writes what a claim under this stamp changes beside the upload.
async fn note(
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
