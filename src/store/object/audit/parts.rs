//! Comparison of the rows of parts with the parts that were put, whose bytes cannot be read before the
//! object is made of them.

use std::time::Duration;

use tokio::time::sleep;
use uuid::Uuid;

use super::{Found, IS_NEEDED, Tell};
use crate::store::StoreError;
use crate::store::object::listing::others;
use crate::store::object::objects::Shared;
use crate::store::object::signed::Patience;
use crate::store::object::stored::{STORED, Stored};
use crate::store::postgres::rows;
use crate::upload::UploadId;

/// How many uploads are read at once.
const PAGE: i64 = 1000;
/// How often it is looked for an object that is being made.
const LOOKS: usize = 10;
const LOOK_EVERY: Duration = Duration::from_millis(100);

impl Shared {
    /// Compares the parts of each upload that has some, and needs them.
    pub(super) async fn audit_parts(&self, tell: Tell<'_>) -> Result<(), StoreError> {
        let sql = format!(
            "select s.upload as id from stored s where s.parts > 0 and s.sealed_length is null and {IS_NEEDED}
                 and ($1::uuid is null or s.upload > $1) order by s.upload limit $2"
        );
        let mut after: Option<Uuid> = None;
        loop {
            let page = rows::ids(&self.store.query(&sql, &[&after, &PAGE]).await?)?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.uuid());
            for id in page {
                if let Some(fault) = self.fault_of_parts(id).await? {
                    tell(Found::Wrong(fault));
                }
            }
        }
    }

    async fn fault_of_parts(&self, id: UploadId) -> Result<Option<String>, StoreError> {
        let Some((stored, parts)) = self.parts_of(id).await? else { return Ok(None) };
        let Some(multipart) = &stored.multipart else { return Ok(None) };
        let put = self.bucket.put_parts(&stored.key, multipart, Patience::LONG).await?;
        let fault = match put {
            // It was made whole a moment ago, and the row is about to say so.
            None if self.comes_to_be(&stored.key).await? => return Ok(None),
            None => format!("upload {id}: the object store has none of its {} parts", parts.len()),
            Some(put) => match others(&parts, &put, stored.part_size).first() {
                None => return Ok(None),
                Some(idx) => format!("upload {id}: its part {} is not the one that was put", idx + 1),
            },
        };
        // It may have been sealed, ended, discarded, or cut since the rows were read. Otherwise parts are
        // only added.
        let is_still = self.parts_of(id).await?.is_some_and(|(now, parts_now)| {
            now.multipart == stored.multipart && parts_now.starts_with(&parts)
        });
        Ok(is_still.then_some(fault))
    }

    /// Whether the object is there, or soon is: while a store makes one, it may have neither that nor parts.
    async fn comes_to_be(&self, key: &str) -> Result<bool, StoreError> {
        for _ in 0..LOOKS {
            if self.bucket.exists(key).await? {
                return Ok(true);
            }
            sleep(LOOK_EVERY).await;
        }
        Ok(false)
    }

    /// What names the bytes of each part of an upload that needs them, and is no object yet.
    async fn parts_of(&self, id: UploadId) -> Result<Option<(Stored, Vec<String>)>, StoreError> {
        let sql = format!(
            "select {STORED},
                 array(select p.content_id from upload_parts p where p.upload = s.upload order by p.idx) part_ids
             from stored s where s.upload = $1 and s.sealed_length is null and {IS_NEEDED}"
        );
        let row = self.store.row(&sql, &[&id.uuid()]).await?;
        row.map(|row| Ok((Stored::of(&row)?, rows::column(&row, "part_ids")?))).transpose()
    }
}
