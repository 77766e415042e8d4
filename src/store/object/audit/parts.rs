//! Comparison of the rows of parts with the parts that were put, whose bytes cannot be read before the
//! object is made of them.

use uuid::Uuid;

use super::{Found, Tell};
use crate::store::StoreError;
use crate::store::object::listing::PutPart;
use crate::store::object::objects::Shared;
use crate::store::object::stored::{STORED, Stored};
use crate::store::postgres::rows;
use crate::upload::UploadId;

/// How many uploads are read at once.
const PAGE: i64 = 1000;

impl Shared {
    /// Compares the parts of each upload that has some.
    pub(super) async fn audit_parts(&self, tell: Tell<'_>) -> Result<(), StoreError> {
        let sql = "select upload as id from stored where parts > 0 and sealed_length is null
            and ($1::uuid is null or upload > $1) order by upload limit $2";
        let mut after: Option<Uuid> = None;
        loop {
            let page = rows::ids(&self.store.query(sql, &[&after, &PAGE]).await?)?;
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
        let put = self.bucket.put_parts(&stored.key, multipart).await?;
        let fault = match put {
            // It was made whole a moment ago, and the row is about to say so.
            None if self.bucket.exists(&stored.key).await? => return Ok(None),
            None => format!("upload {id}: the object store has none of its {} parts", parts.len()),
            Some(put) => match first_other(&parts, &put, stored.part_size) {
                None => return Ok(None),
                Some(idx) => format!("upload {id}: its part {} is not the one that was put", idx + 1),
            },
        };
        // It may have been sealed, discarded, or cut since the rows were read. Otherwise parts are only
        // added.
        let is_still = self.parts_of(id).await?.is_some_and(|(now, parts_now)| {
            now.multipart == stored.multipart && parts_now.starts_with(&parts)
        });
        Ok(is_still.then_some(fault))
    }

    /// What names the bytes of each part of an upload that is no object yet.
    async fn parts_of(&self, id: UploadId) -> Result<Option<(Stored, Vec<String>)>, StoreError> {
        let sql = format!(
            "select {STORED},
                 array(select p.content_id from upload_parts p where p.upload = s.upload order by p.idx) part_ids
             from stored s where s.upload = $1 and s.sealed_length is null"
        );
        let row = self.store.row(&sql, &[&id.uuid()]).await?;
        row.map(|row| Ok((Stored::of(&row)?, rows::column(&row, "part_ids")?))).transpose()
    }
}

/// The first part that was not put, or is another one.
fn first_other(parts: &[String], put: &[PutPart], part_size: u64) -> Option<u64> {
    (0_u64..).zip(parts).find_map(|(idx, content_id)| {
        let is_there = put.iter().any(|put| {
            put.idx == idx && put.length == part_size && content_id.contains(unquoted(&put.content_id))
        });
        (!is_there).then_some(idx)
    })
}

/// What names a part has the part's tag in it: with quotes or without, and beside a checksum if there is one.
fn unquoted(tag: &str) -> &str {
    tag.trim_matches('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_the_one_that_was_put_if_place_length_and_tag_are_the_same() {
        let put = |idx, length, tag: &str| PutPart { idx, length, content_id: tag.into() };
        let parts = ["\"a\"".to_owned(), "<e_tag>b</e_tag>".to_owned()];
        let whole = [put(1, 5, "\"b\""), put(0, 5, "\"a\""), put(2, 3, "c")];
        assert_eq!(first_other(&parts, &whole, 5), None);
        for (other, expected) in [
            (vec![put(0, 5, "a")], Some(1)),
            (vec![put(1, 5, "b")], Some(0)),
            (vec![put(0, 5, "a"), put(1, 4, "b")], Some(1)),
            (vec![put(0, 5, "b"), put(1, 5, "a")], Some(0)),
        ] {
            assert_eq!(first_other(&parts, &other, 5), expected);
        }
    }
}
