//! Creations of uploads.

use async_trait::async_trait;
use futures_util::try_join;

use super::accounts;
use super::change::{Along, Change, Tx};
use super::claim;
use super::client_ids::{self, Holder};
use super::clocks::Clock;
use super::fault::Fault;
use super::rows::{self, UPLOAD};
use super::store::Postgres;
use super::uploads;
use crate::store::{Created, StoreError, Taking};
use crate::time::Timestamp;
use crate::upload::{Bounds, Conflict, Held, State, Upload, Weight};

/// Stores a new upload.
pub(in crate::store) struct Create<'a> {
    pub(in crate::store) store: &'a Postgres,
    pub(in crate::store) upload: &'a Upload,
    pub(in crate::store) taking: Taking,
    pub(in crate::store) bounds: Bounds,
    pub(in crate::store) claim: Option<Timestamp>,
    /// What is written beside it, if it is stored.
    pub(in crate::store) along: Option<&'a dyn Along>,
}

/// What a creation finds.
struct Found {
    /// The upload with this id.
    there: Option<Upload>,
    holder: Option<Holder>,
    clock: Option<Clock>,
    /// The sums of the owner, if there are any.
    held: Option<Held>,
}

#[async_trait]
impl Change for Create<'_> {
    type Answer = Created;

    async fn make(&self, tx: &Tx) -> Result<Created, Fault> {
        let upload = self.upload;
        let Found { there, holder, clock, held } = self.look(tx).await?;
        match there {
            Some(there) if there == *upload => return Ok(Created::New(there.state)),
            Some(_) => return Err(Conflict::AnotherUpload.into()),
            None => {}
        }
        if let Some(holder) = holder.filter(|holder| holder.keeps(upload, self.taking)) {
            return Ok(Created::Taken(holder.upload));
        }
        if let Err(refusal) = self.bounds.admit(held.unwrap_or_default(), upload) {
            return Ok(Created::Refused(refusal));
        }
        let along = claim::Along { store: self.store, holder, clock, at: self.claim, along: self.along };
        let claimed = along.claim(upload.clone())?;
        let created = &claimed.upload;
        let take = async {
            // A claim makes the upload the holder anyway.
            let is_claimed = created.state != upload.state;
            if is_claimed { Ok(()) } else { client_ids::take(tx, upload, holder, self.taking).await }
        };
        try_join!(
            along.write(tx, &claimed),
            take,
            uploads::insert(tx, created),
            uploads::use_up(tx, created),
            self.weigh(tx, created, held)
        )?;
        Ok(Created::New(claimed.upload.state))
    }
}

impl Create<'_> {
    /// Adds the upload to the sums of its owner. Sums that were measured and not there must not have come to
    /// be meanwhile.
    async fn weigh(&self, tx: &Tx, created: &Upload, held: Option<Held>) -> Result<(), Fault> {
        let (owner, weight) = (&created.owner, created.weight());
        if held.is_none() && self.bounds.quota.is_some() {
            return accounts::open(tx, owner, Held::default().changed(Held::default(), weight.held)).await;
        }
        accounts::reweigh(tx, owner, [Weight::NONE, weight]).await
    }

    fn claims(&self) -> bool {
        self.claim.is_some() && self.upload.state == State::Complete && self.upload.binding.is_some()
    }

    /// The rows that decide, under locks: those that are not there yet are inserted, which fails if another
    /// creation was quicker.
    async fn look(&self, tx: &Tx) -> Result<Found, Fault> {
        let sql = format!(
            "with c as materialized (select upload, message_id from client_ids
                 where sender = $2 and conversation = $3 and client_message_id = $4 for update),
             k as materialized (select * from clocks where conversation = $3 and $5::boolean for update),
             a as materialized (select * from accounts where member = $2 and $6::boolean for update)
             select {UPLOAD}, c.upload holder, c.message_id holder_message, k.latest_id, k.latest_at,
                 k.position, a.uploads held_uploads, a.bytes::text held_bytes
             from (select 1) one left join uploads u on u.id = $1
                 left join c on true left join k on true left join a on true"
        );
        let upload = self.upload;
        let binding = upload.binding.as_ref();
        let conversation = binding.map(|binding| binding.conversation_id.as_bytes().to_vec());
        let client = upload.client_message_id().map(|id| id.as_str());
        let is_measured = self.bounds.quota.is_some();
        let (id, owner, claims) = (upload.id.uuid(), upload.owner.as_str(), self.claims());
        let params: [&(dyn tokio_postgres::types::ToSql + Sync); 6] =
            [&id, &owner, &conversation, &client, &claims, &is_measured];
        let row = tx.row(&sql, &params).await?;
        let row = row.ok_or_else(|| StoreError::Damaged("a join of one row has none".into()))?;
        let is_there = rows::column::<Option<uuid::Uuid>>(&row, "id")?.is_some();
        let held = match rows::column::<Option<i64>>(&row, "held_uploads")? {
            Some(uploads) => {
                Some(Held { uploads: uploads.cast_unsigned(), bytes: rows::text(&row, "held_bytes")? })
            }
            None => None,
        };
        let there = if is_there { Some(rows::upload(&row)?) } else { None };
        Ok(Found { there, holder: Holder::of(&row)?, clock: Clock::of(&row)?, held })
    }
}
