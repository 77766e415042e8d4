//! Bytes that come from another store, of uploads that no process serves yet.
//!
//! ```text
//! row with the key ─► one put, or parts and a tail by the writer ─► sealed, if complete ─► placed, if a message's
//! ```
//! Each of them may be repeated, and each begins with what the rows say: a kill leaves a row with the bytes
//! that are there, and the next run goes on behind them.

use bytes::Bytes;
use object_store::PutPayload;

use super::objects::Objects;
use super::owner::Take;
use super::pieces::length;
use super::stored::unsigned;
use crate::message::MessageId;
use crate::store::StoreError;
use crate::store::postgres::rows;
use crate::time::Timestamp;
use crate::upload::{Epoch, UploadId};

/// How much there is of an upload that is being brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Brought {
    /// The bytes before this offset.
    Until(u64),
    /// All, as an object.
    Whole,
}

impl Objects {
    /// Begins to bring an upload, or to go on with it; answers how much there is, and the size of its parts.
    /// The length is that of the whole upload, if it is known.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn bring(
        &self,
        id: UploadId,
        epoch: Epoch,
        length: Option<u64>,
    ) -> Result<(Brought, u64), StoreError> {
        let shared = &self.0;
        let sql = "insert into stored (upload, epoch, object_key, part_size, written_at)
            values ($1, $2, $3, $4, $5) on conflict do nothing";
        let (epoch, key) = (epoch.number().cast_signed(), shared.bucket.key(id));
        let size = shared.limits.part_size(length).cast_signed();
        shared.store.query(sql, &[&id.uuid(), &epoch, &key, &size, &rows::time(Timestamp::now())]).await?;
        let sql = "select kept, part_size, sealed_length is not null is_sealed from stored where upload = $1";
        let row = shared.store.row(sql, &[&id.uuid()]).await?;
        let row = row.ok_or_else(|| StoreError::Damaged(format!("the row of {id} is gone")))?;
        let is_sealed = rows::column(&row, "is_sealed")?;
        let brought = if is_sealed { Brought::Whole } else { Brought::Until(unsigned(&row, "kept")?) };
        Ok((brought, unsigned(&row, "part_size")?))
    }

    /// Puts all bytes of an upload that was begun with [`Objects::bring`], as an object.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn bring_whole(&self, id: UploadId, bytes: Vec<Bytes>) -> Result<(), StoreError> {
        let shared = &self.0;
        let row = shared.store.row("select object_key from stored where upload = $1", &[&id.uuid()]).await?;
        let row = row.ok_or_else(|| StoreError::Damaged(format!("the row of {id} is gone")))?;
        let key: String = rows::column(&row, "object_key")?;
        let sealed: u64 = bytes.iter().map(|piece| length(piece)).sum();
        shared.bucket.put(&key, id, PutPayload::from_iter(bytes)).await?;
        let sql = "update stored set sealed_length = $3, kept = $3
            where upload = $1 and object_key = $2 and parts = 0 and multipart_id is null";
        shared.store.query(sql, &[&id.uuid(), &key, &sealed.cast_signed()]).await.map(drop)
    }

    /// The length of the file of a message, if it has one.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn length_of_file(&self, message: MessageId) -> Result<Option<u64>, StoreError> {
        Ok(self.0.file(message).await?.map(|file| file.length))
    }

    /// Whether the bucket belongs to the database, as it does from now on if it belonged to none and no other
    /// one has the files.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn belongs(&self) -> Result<bool, StoreError> {
        self.0.is_own(Take::IfKnown).await
    }
}
