//! Upload records: the port, and the listings.

use std::time::Duration;

use async_trait::async_trait;

use super::append::Append;
use super::bind::Bind;
use super::create::Create;
use super::end::{End, Remove};
use super::rows::{self, UPLOAD};
use super::store::Postgres;
use crate::message::UserId;
use crate::store::{Created, Elsewhere, Records, StoreError, Taking};
use crate::time::Timestamp;
use crate::upload::{Appended, Binding, Bounds, Epoch, Held, State, Upload, UploadId};

/// How long the sum over all uploads that lack bytes may take.
const SUM_WITHIN: Duration = Duration::from_secs(120);

#[async_trait]
impl Records for Postgres {
    async fn create_with(
        &self,
        upload: &Upload,
        taking: Taking,
        bounds: Bounds,
        claim: Option<Timestamp>,
    ) -> Result<Created, StoreError> {
        self.change(&Create { store: self, upload, taking, bounds, claim, along: None }).await
    }

    async fn find(&self, id: UploadId) -> Result<Option<Upload>, StoreError> {
        let sql = format!("select {UPLOAD} from uploads u where id = $1");
        self.row(&sql, &[&id.uuid()]).await?.map(|row| rows::upload(&row)).transpose()
    }

    async fn find_held(&self, id: UploadId) -> Result<Option<(Upload, Elsewhere)>, StoreError> {
        let sql = format!("select {UPLOAD}, u.node from uploads u where id = $1");
        let Some(row) = self.row(&sql, &[&id.uuid()]).await? else { return Ok(None) };
        let node = rows::column::<Option<i32>>(&row, "node")?;
        Ok(Some((rows::upload(&row)?, node.map_or(Elsewhere::Free, Elsewhere::Process))))
    }

    async fn holder(&self, upload: &Upload) -> Result<Option<UploadId>, StoreError> {
        let Some(binding) = &upload.binding else { return Ok(None) };
        let Some(client) = &binding.client_message_id else { return Ok(None) };
        let sql = "select upload id from client_ids
            where sender = $1 and conversation = $2 and client_message_id = $3";
        let conversation = binding.conversation_id.as_bytes().as_slice();
        let found = self.query(sql, &[&upload.owner.as_str(), &conversation, &client.as_str()]).await?;
        Ok(rows::ids(&found)?.pop())
    }

    async fn raise(&self, id: UploadId) -> Result<Option<Epoch>, StoreError> {
        let sql = "update uploads set epoch = epoch + 1 where id = $1 returning epoch";
        self.row(sql, &[&id.uuid()]).await?.map(|row| rows::epoch(&row)).transpose()
    }

    async fn append_with(
        &self,
        id: UploadId,
        row: &Appended,
        claim: Option<Timestamp>,
    ) -> Result<State, StoreError> {
        if self.extend(id, row).await? {
            return Ok(row.state.clone());
        }
        self.change(&Append { store: self, id, row, claim, along: None }).await
    }

    async fn transition(
        &self,
        id: UploadId,
        seen: Epoch,
        from: &State,
        to: &State,
    ) -> Result<(), StoreError> {
        self.change(&End { id, seen, from, to }).await
    }

    async fn bind(&self, id: UploadId, binding: &Binding, taking: Taking) -> Result<Created, StoreError> {
        self.change(&Bind { id, binding, taking }).await
    }

    async fn remove(&self, id: UploadId, seen: Epoch) -> Result<(), StoreError> {
        self.change(&Remove { id, seen }).await
    }

    async fn unfinished(&self, owner: &UserId, limit: usize) -> Result<Vec<Upload>, StoreError> {
        let sql = format!(
            "select {UPLOAD} from uploads u where owner = $1 and state <> 3 and not is_used
             order by created_at desc, id desc limit $2"
        );
        let found = self.query(&sql, &[&owner.as_str(), &most(limit)]).await?;
        found.iter().map(rows::upload).collect()
    }

    async fn held(&self, owner: &UserId) -> Result<Held, StoreError> {
        let sql = "select uploads, bytes::text bytes from accounts where member = $1";
        let Some(row) = self.row(sql, &[&owner.as_str()]).await? else { return Ok(Held::default()) };
        let uploads = rows::column::<i64>(&row, "uploads")?.cast_unsigned();
        Ok(Held { uploads, bytes: rows::text(&row, "bytes")? })
    }

    /// Looks at every upload that lacks bytes, which a server asks for once, when it starts: sums that all
    /// appends of all nodes change would make them wait for each other.
    async fn missing(&self) -> Result<u128, StoreError> {
        // Numbers that fit are summed without a detour, which takes a tenth of the time.
        let sql = "select (coalesce(sum(length - off) filter (where length >= 0), 0)
                + coalesce(sum(unsigned(length) - unsigned(off)) filter (where length < 0), 0))::text missing
            from uploads where keeps_room and not is_used";
        let found = self.connections().query_within(SUM_WITHIN, sql, &[]).await?;
        found.first().map_or(Ok(0), |row| rows::text(row, "missing"))
    }

    async fn owed(&self, after: Option<UploadId>, limit: usize) -> Result<Vec<UploadId>, StoreError> {
        let sql = "select id from uploads where is_driven and ($1::uuid is null or id > $1)
            order by id limit $2";
        rows::ids(&self.query(sql, &[&after.map(UploadId::uuid), &most(limit)]).await?)
    }

    /// Uploads that only say why they have no bytes come last: however many they are, they must never hide
    /// the others.
    async fn idle_since(&self, cutoff: Timestamp, limit: usize) -> Result<Vec<UploadId>, StoreError> {
        let sql = "select i.id from unnest('{0, 1, 4, 5}'::smallint[]) with ordinality s (state, place)
            cross join lateral (
                select u.id, u.noticed_at from uploads u
                where u.can_expire and u.state = s.state and u.noticed_at < $1 and u.active_at < $1
                order by u.noticed_at limit $2
            ) i order by s.place, i.noticed_at limit $2";
        rows::ids(&self.query(sql, &[&rows::time(cutoff), &most(limit)]).await?)
    }

    async fn committed_before(&self, cutoff: Timestamp, limit: usize) -> Result<Vec<UploadId>, StoreError> {
        let sql = "select id from uploads where committed_at < $1 order by committed_at, id limit $2";
        rows::ids(&self.query(sql, &[&rows::time(cutoff), &most(limit)]).await?)
    }
}

/// The limit of a statement.
pub(super) fn most(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
