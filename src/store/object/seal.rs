//! Sealing: a complete upload becomes an object, which can be read from then on.
//!
//! ```text
//! key, parts and tail, read by one statement ─► the object put, or made of its parts ─► the row says so
//! ```
//! Any number of processes may do so at the same time: the bytes do not change any more, so each of them puts
//! the same. All of what is put comes from one statement, as another process may have removed parts and tail
//! since an earlier one, and an object of nothing would take the place of the file.

use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use object_store::PutPayload;
use tokio::time::{sleep, timeout};
use tokio_postgres::Row;

use super::bucket::Incomplete;
use super::budget::Share;
use super::listing::others;
use super::objects::Shared;
use super::pieces::{in_memory, length};
use super::signed::Patience;
use super::stored::{STORED, Stored};
use crate::crash;
use crate::store::StoreError;
use crate::store::postgres::rows;
use crate::upload::UploadId;

/// How often an object is made of its parts, if a late put takes the place of the last one meanwhile.
const ATTEMPTS: u32 = 3;

/// Which rows of a tail are behind the parts of an upload of this length: there may be others whose bytes are
/// in parts as well.
const BEHIND: &str =
    "t.upload = s.upload and t.off >= least(s.parts::bigint, $2::bigint / s.part_size) * s.part_size";

/// How often it is looked for an object that another process may be making.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// The longest upload whose tail is read back without a turn.
const SHORT: u64 = 1024 * 1024;

/// An object that is made.
pub(super) struct Made {
    pub(super) key: String,
    /// Whether its row says so already.
    pub(super) is_sealed: bool,
    /// Whether it was put as a whole. Then an object of parts that was begun is garbage.
    pub(super) is_whole: bool,
}

impl Made {
    fn sealed(stored: Stored) -> Self {
        Self { key: stored.key, is_sealed: true, is_whole: false }
    }
}

/// All bytes of an upload.
struct Whole {
    stored: Stored,
    parts: Vec<String>,
    /// The bytes behind the parts.
    tail: Vec<Bytes>,
}

/// A tail in memory, and the turn to have it there.
struct Tail {
    bytes: Vec<Bytes>,
    _turn: Option<Share>,
}

impl Shared {
    /// Seals an upload of this length; answers whether there is such an upload: it may be placed, or gone.
    pub(super) async fn seal_all(&self, id: UploadId, length: u64) -> Result<bool, StoreError> {
        for _ in 0..ATTEMPTS {
            let Some(made) = self.made(id, length).await? else { return Ok(false) };
            if made.is_sealed || self.sealed(id, length, &made).await? {
                return Ok(true);
            }
        }
        Err(StoreError::Unavailable(format!("{id} changed while it was sealed")))
    }

    /// Makes the object of an upload of this length, if that is not done. `None` if there is no such upload.
    pub(super) async fn made(&self, id: UploadId, length: u64) -> Result<Option<Made>, StoreError> {
        for _ in 0..ATTEMPTS {
            // A tail is whole in memory, and longer ones take turns.
            let turn = if length > SHORT { Some(self.budget.reader().await) } else { None };
            let Some(row) = self.whole(id, length).await? else { return Ok(None) };
            let stored = Stored::of(&row)?;
            match stored.sealed {
                Some(sealed) if sealed == length => return Ok(Some(Made::sealed(stored))),
                Some(sealed) => return Err(short(id, sealed, length)),
                None => {}
            }
            let mut whole = Whole::of(id, stored, &row, length)?;
            drop(row);
            let tail = Tail { bytes: std::mem::take(&mut whole.tail), _turn: turn };
            if self.make(id, length, &whole, tail).await? {
                self.missed.forget(id);
                let is_whole = whole.parts.is_empty();
                return Ok(Some(Made { key: whole.stored.key, is_sealed: false, is_whole }));
            }
        }
        Err(StoreError::Unavailable(format!("late puts take the place of the tail of {id}")))
    }

    async fn whole(&self, id: UploadId, length: u64) -> Result<Option<Row>, StoreError> {
        let sql = format!(
            "select {STORED},
                 array(select p.content_id from upload_parts p where p.upload = s.upload order by p.idx) part_ids,
                 array(select t.off from upload_tail t where {BEHIND} order by t.off) offsets,
                 array(select t.bytes from upload_tail t where {BEHIND} order by t.off) tail
             from stored s where s.upload = $1"
        );
        self.store.row(&sql, &[&id.uuid(), &length.cast_signed()]).await
    }

    /// Makes the object; `false` if a part is not the one that was put.
    async fn make(&self, id: UploadId, length: u64, whole: &Whole, tail: Tail) -> Result<bool, StoreError> {
        let key = &whole.stored.key;
        let (Some(multipart), false) = (&whole.stored.multipart, whole.parts.is_empty()) else {
            let data = PutPayload::from_iter(tail.bytes.iter().cloned());
            let parts = u32::try_from(length / self.limits.part_bytes + 1).unwrap_or(u32::MAX);
            self.within(parts, self.bucket.put(key, id, data)).await?;
            crash::point("object.made");
            return Ok(true);
        };
        let mut parts = whole.parts.clone();
        for data in in_parts(&tail.bytes, whole.stored.part_size) {
            let data = PutPayload::from_iter(data);
            match self.within(1, self.bucket.put_part(key, multipart, parts.len(), data)).await {
                Ok(part) => parts.push(part),
                Err(StoreError::Damaged(_)) => return self.is_made(id, length, key).await,
                Err(error) => return Err(error),
            }
        }
        // To make the object may take minutes, and needs no bytes any more.
        drop(tail);
        match self.bucket.complete(key, multipart, parts).await {
            Ok(()) => {
                crash::point("object.made");
                Ok(true)
            }
            Err(Incomplete::Gone) => self.is_made(id, length, key).await,
            Err(Incomplete::AnotherPart) => self.has_other_parts(id, length, whole, multipart).await,
            Err(Incomplete::Store(error)) => Err(error),
        }
    }

    /// A request with the bytes of this many parts, within their time.
    async fn within<T>(
        &self,
        parts: u32,
        request: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let late = || StoreError::Unavailable("the object store takes too long for a part".into());
        let time = self.limits.part_timeout.saturating_mul(parts);
        timeout(time, self.watched(request)).await.unwrap_or_else(|_| Err(late()))
    }

    /// A late put has taken the place of a part: `false` if that is one of the tail, which is put again. The
    /// bytes of a recorded part are nowhere else.
    async fn has_other_parts(
        &self,
        id: UploadId,
        length: u64,
        whole: &Whole,
        multipart: &str,
    ) -> Result<bool, StoreError> {
        let key = &whole.stored.key;
        let Some(put) = self.bucket.put_parts(key, multipart, Patience::SHORT).await? else {
            return self.is_made(id, length, key).await;
        };
        let others = others(&whole.parts, &put, whole.stored.part_size);
        if others.is_empty() {
            return Ok(false);
        }
        Err(self.missing(id, format!("the parts {others:?} of {id} are others than were put")).await)
    }

    /// Finds out whether another process has made the object, as there are no parts to make it of. While a
    /// store is about to make one, it may have neither, and that is waited for once.
    async fn is_made(&self, id: UploadId, length: u64, key: &str) -> Result<bool, StoreError> {
        while !self.bucket.has(key, id, length).await? {
            if self.missed(id) >= self.limits.making.min(self.limits.lost) {
                return Err(self.missing(id, format!("the parts of {id} are gone")).await);
            }
            sleep(LOOK_EVERY).await;
        }
        Ok(true)
    }

    /// Notes that the object is there, unless another process has done so. An object of parts that was begun
    /// and not used is garbage.
    async fn sealed(&self, id: UploadId, length: u64, made: &Made) -> Result<bool, StoreError> {
        let sql = "with s as (
                update stored set sealed_length = $3, kept = $3
                where upload = $1 and object_key = $2 and sealed_length is null
                returning upload, multipart_id
            ), t as (delete from upload_tail where upload = (select upload from s)),
            p as (delete from upload_parts where upload = (select upload from s)),
            i as (delete from upload_intents where upload = (select upload from s)),
            g as (
                insert into garbage (object_key, multipart_id, has_object)
                select $2, multipart_id, false from s where $4 and multipart_id is not null
            )
            select exists (select 1 from s) is_sealed";
        let params: [&(dyn tokio_postgres::types::ToSql + Sync); 4] =
            [&id.uuid(), &made.key, &length.cast_signed(), &made.is_whole];
        let row = self.row_under_lock(id, sql, &params).await?;
        let is_sealed = row.map_or(Ok(false), |row| rows::column(&row, "is_sealed"));
        crash::point("object.sealed");
        is_sealed
    }
}

impl Whole {
    /// The parts and the tail of the first `length` bytes. There may be more, of which no ledger knows.
    fn of(id: UploadId, mut stored: Stored, row: &Row, length: u64) -> Result<Self, StoreError> {
        let mut parts: Vec<String> = rows::column(row, "part_ids")?;
        let offsets: Vec<i64> = rows::column(row, "offsets")?;
        let bytes: Vec<Vec<u8>> = rows::column(row, "tail")?;
        stored.parts = stored.parts.min(length / stored.part_size);
        parts.truncate(in_memory(stored.parts));
        let tail = offsets.into_iter().map(i64::cast_unsigned).zip(bytes);
        let (tail, end) = joined(tail, stored.parts_end()..length);
        if parts.len() as u64 != stored.parts || end != length {
            return Err(short(id, end, length));
        }
        Ok(Self { stored, parts, tail })
    }
}

/// The bytes of a range, and where they end.
fn joined(rows: impl Iterator<Item = (u64, Vec<u8>)>, range: Range<u64>) -> (Vec<Bytes>, u64) {
    let (mut found, mut at) = (Vec::new(), range.start);
    for (offset, bytes) in rows.skip_while(|(offset, _)| *offset < range.start) {
        let bytes = Bytes::from(bytes);
        if offset != at || at == range.end {
            break;
        }
        let wanted = length(&bytes).min(range.end - at);
        found.push(bytes.slice(..in_memory(wanted)));
        at += wanted;
    }
    (found, at)
}

/// The bytes of a tail in the sizes of parts. Its rows end where parts do.
fn in_parts(tail: &[Bytes], part_size: u64) -> Vec<Vec<Bytes>> {
    let mut parts: Vec<Vec<Bytes>> = Vec::new();
    let mut room = 0;
    for piece in tail {
        if room < length(piece) {
            parts.push(Vec::new());
            room = part_size;
        }
        room = room.saturating_sub(length(piece));
        if let Some(part) = parts.last_mut() {
            part.push(piece.clone());
        }
    }
    parts
}

fn short(id: UploadId, found: u64, length: u64) -> StoreError {
    StoreError::Damaged(format!("{id} has {found} of {length} bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(rows: &[(u64, &str)]) -> impl Iterator<Item = (u64, Vec<u8>)> {
        rows.iter().map(|(at, bytes)| (*at, bytes.as_bytes().to_vec())).collect::<Vec<_>>().into_iter()
    }

    #[test]
    fn a_tail_is_the_rows_behind_the_parts_up_to_the_length() {
        let stored = [(0, "abc"), (3, "def"), (6, "ghi")];
        for (range, expected, end) in
            [(0..9, "abcdefghi", 9), (0..7, "abcdefg", 7), (3..6, "def", 6), (6..99, "ghi", 9), (9..9, "", 9)]
        {
            let (found, found_end) = joined(rows(&stored), range.clone());
            assert_eq!((found.concat(), found_end), (expected.as_bytes().to_vec(), end), "{range:?}");
        }
        assert_eq!(joined(rows(&[(0, "abc"), (4, "def")]), 0..7).1, 3, "a gap ends it");
        assert_eq!(joined(rows(&[(4, "def")]), 3..7).1, 3, "so does one at the beginning");
    }

    #[test]
    fn a_long_tail_is_put_in_parts() {
        let tail = ["ab", "cd", "ef", "g"].map(|text| Bytes::from_static(text.as_bytes()));
        let parts: Vec<_> = in_parts(&tail, 4).iter().map(|part| part.concat()).collect();
        assert_eq!(parts, [b"abcd".to_vec(), b"efg".to_vec()]);
    }
}
