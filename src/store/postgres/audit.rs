//! The audit: reads every upload and every message, and compares the tables with each other. Serving needs
//! nothing of it.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio_postgres::Row;
use uuid::Uuid;

use super::rows::{self, MESSAGE, UPLOAD};
use super::store::Postgres;
use super::uploads;
use crate::message::{Message, MessageId, UserId};
use crate::store::StoreError;
use crate::upload::{Held, Upload, UploadId};

/// How long a statement may take that looks at whole tables.
const PATIENCE: Duration = Duration::from_secs(60 * 60);
/// What has to hold between tables, and the rows with which it does not.
const AGREEMENTS: [(&str, &str); 5] = [
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
        let sql = format!(
            "select {MESSAGE} from messages m where $1::bytea is null or id > $1 order by id limit 1000"
        );
        let mut after: Option<Vec<u8>> = None;
        loop {
            let page = self.query(&sql, &[&after]).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(rows::twelve(last, "id")?.to_vec());
            for row in &page {
                each(MessageId::from_bytes(rows::twelve(row, "id")?), rows::message(row));
            }
        }
    }

    /// Compares the tables with each other, and the sums with the records.
    ///
    /// # Errors
    /// [`StoreError`] if the database cannot be read at all.
    pub async fn audit(&self, mut fault: impl FnMut(String)) -> Result<(), StoreError> {
        let mut sums: BTreeMap<UserId, Held> = BTreeMap::new();
        self.every_upload_row(|id, row| {
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
        let sums_of = "select member, uploads, bytes::text bytes from accounts";
        let stored = self.connections().query_within(PATIENCE, sums_of, &[]).await?;
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
        for (what, sql) in AGREEMENTS {
            for row in self.connections().query_within(PATIENCE, sql, &[]).await? {
                fault(format!("{} {what}", rows::column::<&str>(&row, "name")?));
            }
        }
        Ok(())
    }

    async fn every_upload_row(&self, mut each: impl FnMut(UploadId, &Row)) -> Result<(), StoreError> {
        let sql = format!(
            "select {UPLOAD}, u.is_driven, u.can_expire, u.keeps_room, u.committed_at from uploads u
             where $1::uuid is null or id > $1 order by id limit 1000"
        );
        let mut after: Option<Uuid> = None;
        loop {
            let page = self.query(&sql, &[&after]).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(rows::column(last, "id")?);
            for row in &page {
                each(rows::column::<Uuid>(row, "id")?.into(), row);
            }
        }
    }
}
