//! What is in the bucket, and no row knows it: garbage without a row.
//!
//! By design that is an object of parts that was begun by a process which was killed before its row had it.
//! An object has a row with its key before it is put, and until the garbage is rid of it.
//!
//! ```text
//! in the list, and old enough ─► no row knows it ─► it is still there ─► garbage, unless a row knows it by now
//! ```
//! No key is ever used again, so what no row knows is not going to be known. What is young is left alone all
//! the same: an object of parts gets its row after it was begun. Age is by the store's clock alone.

use std::fmt;

use futures_util::{StreamExt, TryStreamExt};
use uuid::Uuid;

use crate::store::StoreError;
use crate::store::object::objects::Shared;
use crate::store::object::signed::Patience;
use crate::store::postgres::rows;
use crate::upload::UploadId;

/// The age from which a row would know what is in the bucket: longer than any process waits for the store.
const OLD_SECS: i64 = 60 * 60;
/// How many keys are looked for at once.
const PAGE: usize = 1000;

/// Something in the bucket that no row knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Leftover {
    key: String,
    /// The object of parts, if it is one.
    multipart: Option<String>,
}

impl fmt::Display for Leftover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.multipart {
            None => write!(f, "object {}: no row knows it", self.key),
            Some(multipart) => write!(f, "multipart upload {multipart} of {}: no row knows it", self.key),
        }
    }
}

impl Shared {
    /// What lies in a folder of the bucket, and no row knows it.
    pub(super) async fn leftovers(&self, folder: &str) -> Result<Vec<Leftover>, StoreError> {
        let (now, begun) = self.bucket.begun(folder).await?;
        let mut found = Vec::new();
        let old = begun.into_iter().filter(|begun| begun.age_secs >= OLD_SECS);
        let multiparts: Vec<_> =
            old.map(|begun| Leftover { key: begun.key, multipart: Some(begun.multipart) }).collect();
        for page in multiparts.chunks(PAGE) {
            found.extend(self.unknown(page.to_vec()).await?);
        }
        let mut objects = self.bucket.objects(folder).try_chunks(PAGE);
        while let Some(page) = objects.next().await {
            let page = page.map_err(|error| error.1)?;
            let old = page.into_iter().filter(|object| now - object.at >= OLD_SECS);
            let objects = old.map(|object| Leftover { key: object.key, multipart: None }).collect();
            found.extend(self.unknown(objects).await?);
        }
        Ok(found)
    }

    /// Those of which there is no row, and which are there all the same.
    async fn unknown(&self, listed: Vec<Leftover>) -> Result<Vec<Leftover>, StoreError> {
        let mut unknown = Vec::new();
        for leftover in self.without_row(listed).await? {
            let is_there = match &leftover.multipart {
                None => self.bucket.exists(&leftover.key).await?,
                Some(multipart) => {
                    self.bucket.put_parts(&leftover.key, multipart, Patience::LONG).await?.is_some()
                }
            };
            if is_there {
                unknown.push(leftover);
            }
        }
        // The garbage may have been rid of it between the list and the look at the rows.
        self.without_row(unknown).await
    }

    async fn without_row(&self, listed: Vec<Leftover>) -> Result<Vec<Leftover>, StoreError> {
        // Whatever has another name is not of this server.
        let own: Vec<_> = listed.into_iter().filter_map(|left| Some((upload_of(&left.key)?, left))).collect();
        let sql = "select l.n::bigint n
            from unnest($1::uuid[], $2::text[], $3::text[]) with ordinality l(upload, key, multipart, n)
            where not exists (select from stored s where s.upload = l.upload and s.object_key = l.key
                    and (l.multipart is null or s.multipart_id = l.multipart))
                and not exists (select from files f where f.object_key = l.key and l.multipart is null)
                and not exists (select from garbage g where g.object_key = l.key
                    and (l.multipart is null and g.has_object or g.multipart_id = l.multipart))";
        let ids: Vec<Uuid> = own.iter().map(|(id, _)| id.uuid()).collect();
        let keys: Vec<&str> = own.iter().map(|(_, left)| &*left.key).collect();
        let multiparts: Vec<Option<&str>> = own.iter().map(|(_, left)| left.multipart.as_deref()).collect();
        let found = self.store.query(sql, &[&ids, &keys, &multiparts]).await?;
        let places = found.iter().map(|row| rows::column::<i64>(row, "n"));
        let places: Vec<i64> = places.collect::<Result<_, _>>()?;
        let numbered = (1_i64..).zip(own);
        Ok(numbered.filter(|(n, _)| places.contains(n)).map(|(_, (_, left))| left).collect())
    }

    /// Makes it garbage. It stays what it is if a row knows it by now.
    pub(super) async fn dispose(&self, leftover: &Leftover) -> Result<(), StoreError> {
        let Some(id) = upload_of(&leftover.key) else { return Ok(()) };
        let sql = "insert into garbage (object_key, multipart_id, has_object)
            select $2::text, $3::text, $3 is null
            where not exists (select from stored s where s.upload = $1 and s.object_key = $2
                    and ($3 is null or s.multipart_id = $3))
                and not exists (select from files f where f.object_key = $2 and $3 is null)";
        self.store.query(sql, &[&id.uuid(), &leftover.key, &leftover.multipart]).await.map(drop)
    }
}

/// The upload of a key, which is `<folder>/<upload id>-<random>`.
fn upload_of(key: &str) -> Option<UploadId> {
    let (folder, name) = key.split_once('/')?;
    let (id, random) = name.split_once('-')?;
    let is_own = random.len() == 16 && random.bytes().all(|digit| digit.is_ascii_hexdigit());
    (is_own && random.starts_with(folder) && folder.len() == 2).then(|| id.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_says_whose_it_is() {
        let id = UploadId::random();
        let key = format!("0a/{id}-0a00000000000001");
        assert_eq!(upload_of(&key), Some(id));
        for other in
            [format!("0b/{id}-0a00000000000001"), format!("0a/{id}-0a"), "0a/x-0a00000000000001".into()]
        {
            assert_eq!(upload_of(&other), None, "{other}");
        }
    }
}
