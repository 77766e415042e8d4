//! Placing: an object becomes the file of a message. Only a row says so; the object stays where it is.

use tokio_postgres::types::ToSql;

use super::objects::Shared;
use super::seal::Made;
use super::stored::unsigned;
use crate::crash;
use crate::message::MessageId;
use crate::store::StoreError;
use crate::store::postgres::rows;
use crate::time::Timestamp;
use crate::upload::{Epoch, UploadId};

/// The object of a message's file.
pub(super) struct File {
    pub(super) key: String,
    pub(super) length: u64,
}

impl Shared {
    /// The file of a message.
    pub(super) async fn file(&self, message: MessageId) -> Result<Option<File>, StoreError> {
        let sql = "select object_key, length from files where message = $1";
        let row = self.store.row(sql, &[&message.as_bytes().as_slice()]).await?;
        row.map(|row| Ok(File { key: rows::column(&row, "object_key")?, length: unsigned(&row, "length")? }))
            .transpose()
    }

    /// The file that a message has.
    pub(super) async fn placed(&self, message: MessageId) -> Result<File, StoreError> {
        let missing = || StoreError::Missing(format!("message {message} has no file"));
        self.file(message).await?.ok_or_else(missing)
    }

    /// Makes a complete upload the file of a message.
    pub(super) async fn place_all(
        &self,
        id: UploadId,
        length: u64,
        message: MessageId,
    ) -> Result<(), StoreError> {
        if length == 0 {
            if self.is_placed(length, message).await? {
                return Ok(());
            }
            self.begin_empty(id, message).await?;
        }
        let Some(made) = self.made(id, length).await? else {
            // It is placed already.
            let is_placed = self.is_placed(length, message).await?;
            let damaged = || StoreError::Damaged(format!("there are no bytes of {id}"));
            return is_placed.then_some(()).ok_or_else(damaged);
        };
        if made.is_sealed {
            self.is_there(id, length, &made.key).await?;
        }
        let is_done = self.name(id, length, message, &made).await?;
        crash::point("object.placed");
        // Another process may have placed it meanwhile.
        if is_done || self.is_placed(length, message).await? {
            return Ok(());
        }
        Err(StoreError::Unavailable(format!("{id} changed while it was placed")))
    }

    /// Makes sure that the store has an object that was made before.
    async fn is_there(&self, id: UploadId, length: u64, key: &str) -> Result<(), StoreError> {
        if self.bucket.length(key).await? == Some(length) {
            self.missed.forget(id);
            return Ok(());
        }
        Err(self.missing(id, format!("the object of {id} is gone")).await)
    }

    /// Names an object in the row of a message's file, in place of the row of an upload's bytes; answers
    /// whether there was one. Whether it was sealed makes no difference.
    async fn name(
        &self,
        id: UploadId,
        length: u64,
        message: MessageId,
        made: &Made,
    ) -> Result<bool, StoreError> {
        let sql = "with s as (
                delete from stored
                where upload = $1 and object_key = $2 and coalesce(sealed_length, $3) = $3
                returning upload, multipart_id
            ), t as (delete from upload_tail where upload = (select upload from s)),
            p as (delete from upload_parts where upload = (select upload from s)),
            i as (delete from upload_intents where upload = (select upload from s)),
            g as (
                insert into garbage (object_key, multipart_id, has_object)
                select $2, multipart_id, false from s where $5 and multipart_id is not null
            )
            insert into files (message, upload, object_key, length)
            select $4::bytea, upload, $2, $3 from s returning 1";
        let params: [&(dyn ToSql + Sync); 5] =
            [&id.uuid(), &made.key, &length.cast_signed(), &message.as_bytes().as_slice(), &made.is_whole];
        Ok(self.row_under_lock(id, sql, &params).await?.is_some())
    }

    async fn is_placed(&self, length: u64, message: MessageId) -> Result<bool, StoreError> {
        match self.file(message).await? {
            Some(file) if file.length == length => Ok(true),
            Some(file) => {
                let key = file.key;
                Err(StoreError::Damaged(format!("{key} has {} bytes, and not {length}", file.length)))
            }
            None => Ok(false),
        }
    }

    /// Makes the row of an upload of no bytes, for which no holder has written one.
    async fn begin_empty(&self, id: UploadId, message: MessageId) -> Result<(), StoreError> {
        let sql = "insert into stored (upload, epoch, object_key, part_size, written_at)
            select $1::uuid, $2::bigint, $3, $4::bigint, $5::bigint
            where not exists (select 1 from files where message = $6) on conflict do nothing";
        let (epoch, key) = (Epoch::FIRST.number().cast_signed(), self.bucket.key(id));
        let (size, now) = (self.limits.part_size(None).cast_signed(), rows::time(Timestamp::now()));
        self.store
            .query(sql, &[&id.uuid(), &epoch, &key, &size, &now, &message.as_bytes().as_slice()])
            .await
            .map(drop)
    }
}
