//! Rows of the ledger. Only the end of a ledger is ever read, so it is all that is stored.

use async_trait::async_trait;
use futures_util::try_join;

use super::change::{Along, Change, Tx};
use super::claim;
use super::fault::Fault;
use super::rows::{self, state};
use super::seen::{self, Beside};
use super::store::Postgres;
use super::uploads;
use crate::store::StoreError;
use crate::time::Timestamp;
use crate::upload::{Appended, Length, State, UploadId};

/// Adds a row that may change more than the end of the ledger.
pub(in crate::store) struct Append<'a> {
    pub(in crate::store) store: &'a Postgres,
    pub(in crate::store) id: UploadId,
    pub(in crate::store) row: &'a Appended,
    pub(in crate::store) claim: Option<Timestamp>,
    /// What is written beside it.
    pub(in crate::store) along: Option<&'a dyn Along>,
}

#[async_trait]
impl Change for Append<'_> {
    type Answer = State;

    async fn make(&self, tx: &Tx) -> Result<State, Fault> {
        let claims = self.claim.is_some() && self.row.state == State::Complete;
        let beside = Beside { holder: claims, clock: claims, ..Beside::default() };
        let seen = seen::existing(tx, self.id, beside).await?;
        let along = claim::Along {
            store: self.store,
            holder: seen.holder,
            clock: seen.clock,
            at: self.claim,
            along: self.along,
        };
        let claimed = along.claim(seen.upload.clone().append(self.row)?)?;
        try_join!(along.write(tx, &claimed), uploads::replace(tx, &seen, &claimed.upload))?;
        Ok(claimed.upload.state)
    }
}

impl Postgres {
    /// Adds a row that only moves the end of the ledger, as most do, in one statement; answers whether the
    /// upload was as the row expects.
    pub(super) async fn extend(&self, id: UploadId, row: &Appended) -> Result<bool, StoreError> {
        let (State::Receiving, Length::Known(length)) = (&row.state, row.length) else { return Ok(false) };
        let sql = format!(
            "update uploads set off = $1, digest = $2, active_at = $3, noticed_at = case
                 when $3 between noticed_at and noticed_at + 60000 then noticed_at else $3 end
             where id = $4 and epoch = $5 and off = $6 and length = $7 and state = {} returning id",
            state::RECEIVING
        );
        let chunk = &row.chunk;
        let (digest, at) = (rows::digest(chunk.digest.as_ref()), rows::time(chunk.at));
        let (end, offset) = (chunk.end().cast_signed(), chunk.offset.cast_signed());
        let (epoch, length) = (row.epoch.number().cast_signed(), length.cast_signed());
        let extended = self.row(&sql, &[&end, &digest, &at, &id.uuid(), &epoch, &offset, &length]).await?;
        Ok(extended.is_some())
    }
}
