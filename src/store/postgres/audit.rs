//! The audit: reads every upload and every message, and compares the tables with each other. Serving needs
//! nothing of it.
//!
//! Servers may go on meanwhile: tables are compared as they were at one moment, and each change of them is
//! whole.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio_postgres::Row;
use uuid::Uuid;

use super::borrowed::Params;
use super::borrowed::in_time;
use super::change::Tx;
use super::rows::{self, MESSAGE, UPLOAD};
use super::store::Postgres;
use super::uploads;
use crate::message::{Message, MessageId, UserId};
use crate::store::StoreError;
use crate::upload::{Held, Upload, UploadId};

/// How long a statement may take that looks at whole tables.
pub(super) const PATIENCE: Duration = Duration::from_secs(60 * 60);

/// What is wrong with a row, and the statement that answers the names of such rows.
pub(in crate::store) type Disagreement = (&'static str, &'static str);

/// What has to hold between tables, and the rows with which it does not.
const AGREEMENTS: [Disagreement; 7] = [
    (
        "is to be announced and gone",
        "select 'message ' || encode(message_id, 'hex') name from outbox o
         where not exists (select from messages m where m.id = o.message_id)",
    ),
    (
        "is committed and has no message",
        "select 'upload ' || replace(id::text, '-', '') name from uploads u
         where state = 3 and not exists (select from messages m where m.id = u.message_id)",
    ),
    (
        "has claimed the message of a client_message_id that is not its own",
        "select 'upload ' || replace(id::text, '-', '') name from uploads u
         where state = 2 and client_message_id is not null and not exists (
             select from client_ids c where c.sender = u.owner and c.conversation = u.conversation
             and c.client_message_id = u.client_message_id and c.upload = u.id and c.message_id = u.message_id)",
    ),
    (
        "holds a client_message_id with which it is not bound",
        "select 'upload ' || replace(c.upload::text, '-', '') name from client_ids c
         where message_id is null and not exists (
             select from uploads u where u.id = c.upload and u.owner = c.sender
             and u.conversation = c.conversation and u.client_message_id = c.client_message_id)",
    ),
    (
        "is behind the last position of its conversation",
        "select 'message ' || encode(m.id, 'hex') name from messages m left join clocks k using (conversation)
         where k.position is null or k.position < m.position",
    ),
    (
        "is in a conversation that does not exist",
        "select 'participant ' || p.member name from participants p
         where not exists (select from conversations c where c.id = p.conversation)",
    ),
    (
        "leads to a message that is missing",
        "select 'the client_message_id of upload ' || replace(c.upload::text, '-', '') name from client_ids c
         where message_id is not null and not exists (select from messages m where m.id = c.message_id)
             and not exists (select from uploads u where u.state = 2 and u.message_id = c.message_id
                 and u.id = c.upload)",
    ),
];

impl Postgres {
    /// Hands on every upload, or the error why it cannot be read, one by one in the order of their ids.
    ///
    /// # Errors
    /// [`StoreError`] if the database cannot be read at all.
    pub async fn every_upload(
        &self,
        mut each: impl FnMut(UploadId, Result<Upload, StoreError>),
    ) -> Result<(), StoreError> {
        self.every_upload_row(|id, row| each(id, rows::upload(row))).await
    }

    /// Hands on every message, or the error why it cannot be read, one by one in the order of their ids.
    ///
    /// # Errors
    /// [`StoreError`] if the database cannot be read at all.
    pub async fn every_message(
        &self,
        mut each: impl FnMut(MessageId, Result<Message, StoreError>),
    ) -> Result<(), StoreError> {
        let mut after = None;
        loop {
            let page = self.messages_after(after).await?;
            let Some((last, _)) = page.last() else { return Ok(()) };
            after = Some(*last);
            page.into_iter().for_each(|(id, message)| each(id, message));
        }
    }

    /// The messages with the next ids, or the errors why they cannot be read.
    ///
    /// # Errors
    /// [`StoreError`] if the database cannot be read at all.
    pub async fn messages_after(
        &self,
        after: Option<MessageId>,
    ) -> Result<Vec<(MessageId, Result<Message, StoreError>)>, StoreError> {
        let sql = format!(
            "select {MESSAGE} from messages m where $1::bytea is null or id > $1 order by id limit 1000"
        );
        let after = after.map(|id| id.as_bytes().to_vec());
        let page = self.query(&sql, &[&after]).await?;
        page.iter()
            .map(|row| Ok((MessageId::from_bytes(rows::twelve(row, "id")?), rows::message(row))))
            .collect()
    }

    /// Compares the tables with each other, and the sums with the records.
    ///
    /// # Errors
    /// [`StoreError`] if the database cannot be read at all.
    pub async fn audit(&self, mut fault: impl FnMut(String)) -> Result<(), StoreError> {
        let moment = self.moment().await?;
        audit_sums(&moment, &mut fault).await?;
        moment.disagreements(&AGREEMENTS, fault).await
    }

    /// The tables as they are now.
    pub(in crate::store) async fn moment(&self) -> Result<Moment, StoreError> {
        Ok(Moment(Tx::reading(self).await?))
    }

    async fn every_upload_row(&self, each: impl FnMut(UploadId, &Row)) -> Result<(), StoreError> {
        every_upload_row(async |sql, after| self.query(sql, &[&after]).await, each).await
    }
}

/// The tables as they were at one moment. A read that waits for long ends it.
pub(in crate::store) struct Moment(Tx);

impl Moment {
    /// The rows that a statement answered at that moment.
    pub(in crate::store) async fn query(
        &self,
        sql: &str,
        params: Params<'_>,
    ) -> Result<Vec<Row>, StoreError> {
        in_time(PATIENCE, self.0.query(sql, params)).await
    }

    /// Hands on the rows that do not agree with others.
    pub(in crate::store) async fn disagreements(
        &self,
        disagreements: &[Disagreement],
        mut fault: impl FnMut(String),
    ) -> Result<(), StoreError> {
        for (what, sql) in disagreements {
            for row in self.query(sql, &[]).await? {
                fault(format!("{} {what}", rows::column::<&str>(&row, "name")?));
            }
        }
        Ok(())
    }
}

/// Compares the sums with the records, and the columns that listings go by.
async fn audit_sums(moment: &Moment, fault: &mut impl FnMut(String)) -> Result<(), StoreError> {
    let mut sums: BTreeMap<UserId, Held> = BTreeMap::new();
    let query = async |sql: &str, after: Option<Uuid>| moment.query(sql, &[&after]).await;
    every_upload_row(query, |id, row| {
        // One that cannot be read is told of with the uploads.
        let Ok(upload) = rows::upload(row) else { return };
        if !uploads::is_indexed(row, &upload) {
            fault(format!("upload {id} is not indexed as its record says"));
        }
        let is_used = rows::column(row, "is_used").unwrap_or(false);
        if !is_used {
            let sum = sums.entry(upload.owner.clone()).or_default();
            *sum = sum.changed(Held::default(), upload.weight().held);
        }
    })
    .await?;
    sums.retain(|_, held| *held != Held::default());
    let stored = moment.query("select member, uploads, bytes::text bytes from accounts", &[]).await?;
    for row in &stored {
        let (owner, uploads): (UserId, i64) = (rows::text(row, "member")?, rows::column(row, "uploads")?);
        let held = Held { uploads: uploads.cast_unsigned(), bytes: rows::text(row, "bytes")? };
        let expected = sums.remove(&owner).unwrap_or_default();
        if held != expected {
            fault(format!("the sums of {owner} are {held:?}, and its records come to {expected:?}"));
        }
    }
    for (owner, expected) in sums {
        fault(format!("{owner} has no sums, and its records come to {expected:?}"));
    }
    Ok(())
}

async fn every_upload_row(
    query: impl AsyncFn(&str, Option<Uuid>) -> Result<Vec<Row>, StoreError>,
    mut each: impl FnMut(UploadId, &Row),
) -> Result<(), StoreError> {
    let sql = format!(
        "select {UPLOAD}, u.is_driven, u.can_expire, u.keeps_room, u.committed_at from uploads u
         where $1::uuid is null or id > $1 order by id limit 1000"
    );
    let mut after: Option<Uuid> = None;
    loop {
        let page = query(&sql, after).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(rows::column(last, "id")?);
        for row in &page {
            each(rows::column::<Uuid>(row, "id")?.into(), row);
        }
    }
}
