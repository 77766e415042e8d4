//! Comparison of the rows of objects with the bucket, folder by folder.

use std::collections::HashMap;

use futures_util::TryStreamExt;
use tokio_postgres::Row;
use uuid::Uuid;

use super::{Found, IS_NEEDED, Tell, folders};
use crate::store::StoreError;
use crate::store::object::objects::Shared;
use crate::store::object::owner::MARKER;
use crate::store::object::stored::unsigned;
use crate::store::postgres::rows;
use crate::upload::UploadId;

/// An object that a row names.
struct Named {
    id: UploadId,
    length: u64,
    name: String,
}

impl Named {
    fn of(row: &Row) -> Result<(String, Self), StoreError> {
        let (id, name) = (rows::column::<Uuid>(row, "upload")?.into(), rows::column(row, "name")?);
        Ok((rows::column(row, "object_key")?, Self { id, length: unsigned(row, "length")?, name }))
    }
}

impl Shared {
    /// Compares the rows of a folder's objects with the objects.
    pub(super) async fn audit_folder(&self, folder: &str, tell: Tell<'_>) -> Result<(), StoreError> {
        // The rows come first: an object is there before a row names it.
        let mut named = self.named(&format!("{folder}/"), &format!("{folder}0")).await?;
        let mut objects = self.bucket.objects(folder);
        while let Some(object) = objects.try_next().await? {
            if named.get(&object.key).is_some_and(|named| named.length == object.length) {
                named.remove(&object.key);
            }
        }
        for (key, _) in named {
            if let Some(fault) = self.fault_of_object(&key).await? {
                tell(Found::Wrong(fault));
            }
        }
        Ok(())
    }

    /// The objects that rows name, with keys within these bounds.
    async fn named(&self, from: &str, to: &str) -> Result<HashMap<String, Named>, StoreError> {
        let sql = format!(
            "select upload, object_key, length, 'the file of message ' || encode(message, 'hex') name
                 from files where object_key >= $1 and object_key < $2
             union all
             select upload, object_key, sealed_length, 'the object of upload ' || replace(upload::text, '-', '')
                 from stored s
                 where sealed_length is not null and object_key >= $1 and object_key < $2 and {IS_NEEDED}"
        );
        self.store.query(&sql, &[&from, &to]).await?.iter().map(Named::of).collect()
    }

    /// The fault of an object that was not in the list as its row says, if that is still so.
    async fn fault_of_object(&self, key: &str) -> Result<Option<String>, StoreError> {
        let Some((_, before)) = self.named_at(key).await? else { return Ok(None) };
        let fault = match self.bucket.length(key).await? {
            None => format!("{} is missing: {key}", before.name),
            Some(found) if found != before.length => {
                format!("{} has {found} bytes, and not {}: {key}", before.name, before.length)
            }
            Some(_) if self.bucket.has(key, before.id, before.length).await? => return Ok(None),
            Some(_) => format!("{} is that of another upload: {key}", before.name),
        };
        // It may have been ended or freed since the row was read.
        let is_named = self.named_at(key).await?.is_some_and(|(_, now)| now.length == before.length);
        Ok(is_named.then_some(fault))
    }

    async fn named_at(&self, key: &str) -> Result<Option<(String, Named)>, StoreError> {
        let found = self.named(key, &format!("{key}!")).await?;
        Ok(found.into_iter().find(|(found, _)| found == key))
    }

    /// Tells of what lies beside the folders.
    pub(super) async fn audit_names(&self, tell: Tell<'_>) -> Result<(), StoreError> {
        for name in self.bucket.names().await? {
            if name != MARKER && folders().all(|folder| folder != name) {
                tell(Found::Foreign(name));
            }
        }
        Ok(())
    }
}
