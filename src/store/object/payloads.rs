//! The port of bytes.

use std::ops::Range;

use async_trait::async_trait;

use super::objects::Objects;
use super::stored::unsigned;
use super::writer::Writer;
use crate::message::MessageId;
use crate::store::postgres::rows;
use crate::store::{ByteStream, Payloads, Place, Room, Shown, Sink, Source, StoreError};
use crate::time::Timestamp;
use crate::upload::{Epoch, UploadId};

#[async_trait]
impl Payloads for Objects {
    async fn open(&self, id: UploadId, epoch: Epoch, offset: u64) -> Result<Box<dyn Sink>, StoreError> {
        let mut writer = Writer::open(&self.0, id, epoch, offset).await?;
        writer.enter().await?;
        Ok(Box::new(writer))
    }

    async fn seal(&self, id: UploadId, length: u64) -> Result<(), StoreError> {
        if self.0.seal_all(id, length).await? || length == 0 {
            return Ok(());
        }
        Err(StoreError::Damaged(format!("there are no bytes of {id}")))
    }

    async fn place(&self, id: UploadId, length: u64, place: &Place) -> Result<(), StoreError> {
        self.0.place_all(id, length, place.message).await
    }

    async fn give_up(&self, id: UploadId, _: u64, place: &Place) -> Result<bool, StoreError> {
        self.0.give_up_all(id, place.message).await
    }

    async fn discard(&self, id: UploadId) -> Result<(), StoreError> {
        self.0.discard_all(id).await
    }

    async fn read(&self, source: &Source, range: Range<u64>) -> Result<ByteStream, StoreError> {
        match source {
            Source::Part(id) => self.read_part(*id, range).await,
            Source::Placed(place, _) => self.read_file(place.message, range).await,
        }
    }

    async fn url(&self, source: &Source, shown: &Shown) -> Result<Option<String>, StoreError> {
        let Source::Placed(place, _) = source else { return Ok(None) };
        let file = self.0.placed(place.message).await?;
        self.0.bucket.url(&file.key, shown).await
    }

    async fn parts(
        &self,
        written_before: Timestamp,
        after: Option<UploadId>,
        limit: usize,
    ) -> Result<Vec<UploadId>, StoreError> {
        let sql = "select upload as id from stored
            where written_at < $1 and ($2::uuid is null or upload > $2) order by upload limit $3";
        let before = i64::try_from(written_before.millis()).unwrap_or(i64::MAX);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let found = self.0.store.query(sql, &[&before, &after.map(UploadId::uuid), &limit]).await?;
        rows::ids(&found)
    }

    async fn room(&self) -> Result<Room, StoreError> {
        Ok(Room::Unbounded)
    }

    /// Messages wait while the object store is away, and uploads do not: processes that all said that they
    /// are not ready would take no bytes, of which the tails have room for many.
    async fn probe(&self) -> Result<(), StoreError> {
        if self.0.presence.is_at_its_end() { Err(StoreError::Full) } else { Ok(()) }
    }
}

impl Objects {
    async fn read_part(&self, id: UploadId, range: Range<u64>) -> Result<ByteStream, StoreError> {
        let sql = "select object_key, sealed_length is not null as is_sealed,
                coalesce(sealed_length, 0) as length
            from stored where upload = $1";
        let Some(row) = self.0.store.row(sql, &[&id.uuid()]).await? else {
            return if range.is_empty() && range.start == 0 {
                self.0.read_object("", 0, range).await
            } else {
                Err(StoreError::Missing(format!("there are no bytes of {id}")))
            };
        };
        if !rows::column::<bool>(&row, "is_sealed")? {
            return Err(StoreError::Unsealed);
        }
        let key: String = rows::column(&row, "object_key")?;
        self.0.read_object(&key, unsigned(&row, "length")?, range).await
    }

    async fn read_file(&self, message: MessageId, range: Range<u64>) -> Result<ByteStream, StoreError> {
        let file = self.0.placed(message).await?;
        self.0.read_object(&file.key, file.length, range).await
    }
}
