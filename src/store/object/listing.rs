//! What is in the bucket: its objects, the objects of parts that are not made yet, and the parts of those.
//!
//! The client lists objects only. For the rest it signs a request, as for a link, which is sent as it is.

use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{GetOptions, ObjectStoreExt as _};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::bucket::{Bucket, failed, is_gone};
use super::signed::{Answer, Patience, Signed};
use crate::store::StoreError;

/// An object.
pub(super) struct Object {
    /// The key below the bucket's prefix.
    pub(super) key: String,
    pub(super) length: u64,
    /// When it was written, by the store's clock.
    pub(super) at: i64,
}

/// An object of parts that is not made yet.
pub(super) struct Begun {
    /// The key below the bucket's prefix.
    pub(super) key: String,
    pub(super) multipart: String,
    /// How long ago it was begun, by the store's clock.
    pub(super) age_secs: i64,
}

/// A part that was put.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PutPart {
    /// Its place among the parts, beginning with zero.
    pub(super) idx: u64,
    pub(super) length: u64,
    /// What names its bytes, as the put was answered.
    pub(super) content_id: String,
}

impl Bucket {
    /// The objects in a folder, in an order of the store's own.
    pub(super) fn objects(&self, folder: &str) -> BoxStream<'static, Result<Object, StoreError>> {
        let below = self.path("").to_string();
        let found = self.objects.list(Some(&self.path(folder)));
        let found = found.map_err(failed).map_ok(move |object| Object {
            key: below_prefix(&below, object.location.as_ref()).to_owned(),
            length: object.size,
            at: object.last_modified.timestamp(),
        });
        found.boxed()
    }

    /// What lies beside the folders of objects: names of folders, and of objects in none.
    pub(super) async fn names(&self) -> Result<Vec<String>, StoreError> {
        let below = self.path("");
        let found = self.objects.list_with_delimiter(Some(&below)).await.map_err(failed)?;
        let objects = found.objects.into_iter().map(|object| object.location);
        let below = below.to_string();
        let names = found.common_prefixes.into_iter().chain(objects);
        Ok(names.map(|path| below_prefix(&below, path.as_ref()).to_owned()).collect())
    }

    /// Whether there is an object with this key.
    pub(super) async fn exists(&self, key: &str) -> Result<bool, StoreError> {
        Ok(self.length(key).await?.is_some())
    }

    /// The length of the object with this key, if there is one.
    pub(super) async fn length(&self, key: &str) -> Result<Option<u64>, StoreError> {
        match self.objects.get_opts(&self.path(key), GetOptions::new().with_head(true)).await {
            Ok(found) => Ok(Some(found.meta.size)),
            Err(error) if is_gone(&error) => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }

    /// The bytes of a small object, if there is one.
    pub(super) async fn small(&self, key: &str) -> Result<Option<bytes::Bytes>, StoreError> {
        match self.objects.get(&self.path(key)).await {
            Ok(found) => found.bytes().await.map(Some).map_err(failed),
            Err(error) if is_gone(&error) => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }

    /// The objects of parts in a folder that are not made yet, and the time by the store's clock.
    pub(super) async fn begun(&self, folder: &str) -> Result<(i64, Vec<Begun>), StoreError> {
        let prefix = format!("{}/", self.path(folder));
        let below = self.path("").to_string();
        let (mut key, mut id) = (String::new(), String::new());
        let mut found = Vec::new();
        loop {
            let mut query = vec![("uploads", ""), ("prefix", prefix.as_str()), ("max-uploads", "1000")];
            if !key.is_empty() {
                query.extend([("key-marker", key.as_str()), ("upload-id-marker", id.as_str())]);
            }
            let none = || unavailable("the bucket is not found");
            let answer = self.signed()?.get(&Path::default(), &query, Patience::LONG).await?;
            let Answer { at: now, text } = answer.ok_or_else(none)?;
            let page: Uploads = parsed(&text)?;
            for upload in page.uploads {
                let age_secs = now - seconds(&upload.initiated)?;
                let key = below_prefix(&below, &upload.key).to_owned();
                found.push(Begun { key, multipart: upload.upload_id, age_secs });
            }
            let next = (page.next_key_marker, page.next_upload_id_marker);
            // A store that says again what it was told would be asked for ever.
            if !page.is_truncated || next == (key.clone(), id.clone()) {
                return Ok((now, found));
            }
            (key, id) = next;
        }
    }

    /// The parts of an object that is not made yet; `None` if it is not known, or no longer.
    pub(super) async fn put_parts(
        &self,
        key: &str,
        multipart: &str,
        patience: Patience,
    ) -> Result<Option<Vec<PutPart>>, StoreError> {
        let path = self.path(key);
        let (mut found, mut marker) = (Vec::new(), "0".to_owned());
        loop {
            let query =
                [("uploadId", multipart), ("max-parts", "1000"), ("part-number-marker", marker.as_str())];
            let answer = self.signed()?.get(&path, &query, patience).await?;
            let Some(Answer { text, .. }) = answer else { return Ok(None) };
            let page: Parts = parsed(&text)?;
            found.extend(page.parts.into_iter().map(|part| PutPart {
                idx: part.part_number.saturating_sub(1),
                length: part.size,
                content_id: part.e_tag,
            }));
            if !page.is_truncated || page.next_part_number_marker == marker {
                return Ok(Some(found));
            }
            marker = page.next_part_number_marker;
        }
    }

    fn signed(&self) -> Result<&Signed, StoreError> {
        self.signed.as_ref().ok_or_else(|| unavailable("this object store signs no requests"))
    }
}

/// The places of parts, all of one size, that were not put, or are not those that were put.
pub(super) fn others(parts: &[String], put: &[PutPart], part_size: u64) -> Vec<u64> {
    let is_there = |idx: u64, content_id: &String| {
        put.iter().any(|put| {
            put.idx == idx && put.length == part_size && content_id.contains(unquoted(&put.content_id))
        })
    };
    let places = (0_u64..).zip(parts);
    places.filter(|(idx, content_id)| !is_there(*idx, content_id)).map(|(idx, _)| idx).collect()
}

/// What names a part has the part's tag in it: with quotes or without, and beside a checksum if there is one.
fn unquoted(tag: &str) -> &str {
    tag.trim_matches('"')
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Uploads {
    #[serde(rename = "Upload", default)]
    uploads: Vec<UploadEntry>,
    #[serde(default)]
    is_truncated: bool,
    #[serde(default)]
    next_key_marker: String,
    #[serde(default)]
    next_upload_id_marker: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UploadEntry {
    key: String,
    upload_id: String,
    initiated: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Parts {
    #[serde(rename = "Part", default)]
    parts: Vec<PartEntry>,
    #[serde(default)]
    is_truncated: bool,
    #[serde(default)]
    next_part_number_marker: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PartEntry {
    part_number: u64,
    size: u64,
    #[serde(rename = "ETag")]
    e_tag: String,
}

fn below_prefix<'a>(prefix: &str, path: &'a str) -> &'a str {
    path.strip_prefix(prefix).unwrap_or(path).trim_start_matches('/')
}

fn parsed<T: DeserializeOwned>(text: &str) -> Result<T, StoreError> {
    quick_xml::de::from_str(text)
        .map_err(|error| unavailable(&format!("a list of the object store: {error}")))
}

/// The seconds since 1970 of a time in a list.
fn seconds(text: &str) -> Result<i64, StoreError> {
    let time = OffsetDateTime::parse(text, &Rfc3339);
    time.map(OffsetDateTime::unix_timestamp).map_err(|error| unavailable(&error))
}

fn unavailable(why: &(impl std::fmt::Display + ?Sized)) -> StoreError {
    StoreError::Unavailable(why.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_as_stores_write_them() {
        let uploads: Uploads = parsed(
            r#"<?xml version="1.0" encoding="UTF-8"?>
            <ListMultipartUploadsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
              <Bucket>b</Bucket><KeyMarker></KeyMarker><NextKeyMarker>k2</NextKeyMarker>
              <NextUploadIdMarker>u2</NextUploadIdMarker><IsTruncated>true</IsTruncated>
              <Upload><Key>a/k1</Key><UploadId>u1</UploadId><Initiator><ID>x</ID></Initiator>
                <Initiated>2026-11-29T21:00:00.000Z</Initiated></Upload>
              <CommonPrefixes><Prefix>z/</Prefix></CommonPrefixes>
              <Upload><Key>a/k2</Key><UploadId>u2</UploadId><Initiated>2026-11-29T21:00:00Z</Initiated></Upload>
            </ListMultipartUploadsResult>"#,
        )
        .expect("a list");
        assert!(uploads.is_truncated);
        assert_eq!((&*uploads.next_key_marker, &*uploads.next_upload_id_marker), ("k2", "u2"));
        let found: Vec<_> = uploads.uploads.iter().map(|upload| (&*upload.key, &*upload.upload_id)).collect();
        assert_eq!(found, [("a/k1", "u1"), ("a/k2", "u2")]);
        for upload in &uploads.uploads {
            assert_eq!(seconds(&upload.initiated).expect("a time"), 1_795_986_000);
        }
        let parts: Parts = parsed(
            "<ListPartsResult><NextPartNumberMarker>1</NextPartNumberMarker><IsTruncated>false</IsTruncated>\
             <Part><PartNumber>1</PartNumber><ETag>&#34;e&#34;</ETag><Size>5</Size></Part></ListPartsResult>",
        )
        .expect("a list");
        let part = &parts.parts[0];
        assert_eq!((part.part_number, &*part.e_tag, part.size), (1, "\"e\"", 5));
        assert!(parsed::<Parts>("<ListPartsResult/>").expect("an empty list").parts.is_empty());
    }

    #[test]
    fn a_part_is_the_one_that_was_put_if_place_length_and_tag_are_the_same() {
        let put = |idx, length, tag: &str| PutPart { idx, length, content_id: tag.into() };
        let parts = ["\"11\"".to_owned(), "<e_tag>22</e_tag>".to_owned()];
        for (there, expected) in [
            (vec![put(1, 5, "\"22\""), put(0, 5, "\"11\""), put(2, 3, "33")], &[][..]),
            (vec![put(0, 5, "11")], &[1]),
            (vec![put(1, 5, "22")], &[0]),
            (vec![put(0, 5, "11"), put(1, 4, "22")], &[1]),
            (vec![put(0, 5, "22"), put(1, 5, "11")], &[0, 1]),
        ] {
            assert_eq!(others(&parts, &there, 5), expected);
        }
    }

    #[test]
    fn keys_are_those_below_the_prefix() {
        for (prefix, path, expected) in
            [("", "aa/x", "aa/x"), ("p/q", "p/q/aa/x", "aa/x"), ("p", "p/aa", "aa")]
        {
            assert_eq!(below_prefix(prefix, path), expected);
        }
    }
}
