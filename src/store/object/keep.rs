//! Keeping bytes: parts that were put, and the tail behind them, become durable; in the same statement,
//! mostly, the row of the ledger that tells of them.
//!
//! The first update compares epoch, offset and number of parts, and everything else in the statement depends
//! on it: it is all of it or nothing. The ledger's row is refused by itself where the record is another one
//! by now; then the bytes are ahead of it, which is allowed.
//!
//! The tail behind which the ledger's end is may go once it is in a part. It does not go with the part alone:
//! the ledger may stay behind, and the part be cut off.

use async_trait::async_trait;
use tokio_postgres::types::ToSql;

use super::enter::{Enter, RECORD, may_begin};
use super::pieces::{Pieces, length};
use crate::message::MessageId;
use crate::store::StoreError;
use crate::store::postgres::change::{Along, Change as _, Tx};
use crate::store::postgres::fault::Fault;
use crate::store::postgres::{Postgres, rows};
use crate::time::Timestamp;
use crate::upload::{Appended, Length, State};

/// The most bytes of one row of a tail.
const ROW: usize = 1024 * 1024;

/// The record is locked before the row of the bytes, as by every change of both.
const LOCK: &str = "
    with l as (select id from uploads where id = $1 and epoch = $2 for no key update), ";
const AFTER_LOCK: &str = "and (select count(*) from l) >= 0";
const FIRST: &str = "
    s as (
        insert into stored (upload, epoch, object_key, part_size, parts, kept, written_at)
        select $1::uuid, $2::bigint, {KEY}::text, {SIZE}::bigint, cardinality($6::text[]), $5::bigint,
            $9::bigint
        where {MAY} {AFTER}
        on conflict (upload) do update
            set epoch = $2, kept = $5, parts = stored.parts + cardinality($6::text[]), written_at = $9
            where stored.epoch <= $2 and stored.kept = $3 and stored.parts = $4
                and stored.sealed_length is null and stored.object_key = {KEY}
        returning upload
    )";
const NEXT: &str = "
    s as (
        update stored set epoch = $2, kept = $5, parts = parts + cardinality($6::text[]), written_at = $9
        where upload = $1 and epoch <= $2 and kept = $3 and parts = $4 and sealed_length is null {AFTER}
        returning upload
    )";
const REST: &str = ", p as (
        insert into upload_parts (upload, idx, content_id)
        select s.upload, $4::int + c.n::int - 1, c.id from s, unnest($6::text[]) with ordinality c (id, n)
    ), t as (
        insert into upload_tail (upload, off, bytes)
        select s.upload, r.off, r.bytes from s, unnest($7::bigint[], $8::bytea[]) r (off, bytes)
    )";
const ALONE: &str = " select exists (select 1 from s) is_kept, false is_recorded";
const WITH_ROW: &str = ", u as (
        update uploads set off = $10, digest = $11, active_at = $12, noticed_at = case
            when $12 between noticed_at and noticed_at + 60000 then noticed_at else $12 end
        where id = $1 and epoch = $2 and off = $13 and length = $14 and state = 0 and exists (select 1 from s)
        returning id
    ), d as (
        delete from upload_tail where upload = $1 and off < $15 and exists (select 1 from u)
    )
    select exists (select 1 from s) is_kept, exists (select 1 from u) is_recorded";
const CLEAR: &str = "delete from upload_tail where upload = $1 and off < $2";

/// Bytes that become durable.
pub(super) struct Keep {
    pub(super) enter: Enter,
    /// How many parts there are before.
    pub(super) parts: u64,
    /// The parts that follow, in order, by what names their bytes.
    pub(super) put: Vec<String>,
    /// The tail that follows, in rows.
    pub(super) tail: Tail,
    /// The offset before which bytes are durable afterwards.
    pub(super) end: u64,
    /// The offset before which the tail may go once the ledger has this row.
    pub(super) clear: u64,
}

/// Bytes of a tail, in rows that do not cross the boundary of a part.
#[derive(Default)]
pub(super) struct Tail {
    offsets: Vec<i64>,
    rows: Vec<Vec<u8>>,
}

impl Tail {
    /// The rows of bytes that begin at an offset.
    pub(super) fn of(pieces: &[bytes::Bytes], mut at: u64, part_size: u64) -> Self {
        let mut tail = Self::default();
        let mut room = 0;
        for piece in pieces {
            let mut rest = &piece[..];
            while !rest.is_empty() {
                if room == 0 {
                    let boundary = usize::try_from(part_size - at % part_size).unwrap_or(ROW);
                    room = boundary.min(ROW);
                    tail.offsets.push(at.cast_signed());
                    tail.rows.push(Vec::new());
                }
                let (now, later) = rest.split_at(rest.len().min(room));
                if let Some(row) = tail.rows.last_mut() {
                    row.extend_from_slice(now);
                }
                (room, rest, at) = (room - now.len(), later, at + length(now));
            }
        }
        tail
    }
}

/// The outcome of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Outcome {
    /// Whether the bytes are durable.
    pub(super) is_kept: bool,
    /// Whether the ledger has the row.
    pub(super) is_recorded: bool,
}

impl Keep {
    /// Whether there is nothing to be done.
    pub(super) fn is_nothing(&self) -> bool {
        self.end == self.enter.offset && self.put.is_empty()
    }

    /// Keeps the bytes, with the row of the ledger if it only moves the end. What is not kept is not as this
    /// holder saw it.
    pub(super) async fn run(&self, store: &Postgres, row: Option<&Appended>) -> Result<Outcome, StoreError> {
        let fixed = Fixed::of(self);
        let mut params = fixed.params(self);
        let Some((row, length)) = row.and_then(moved) else {
            let sql = self.sql(ALONE, &self.enter.key, &mut params, &fixed);
            return outcome(store.row(&sql, &params).await?.as_ref());
        };
        let chunk = &row.chunk;
        let (end, digest, at) =
            (chunk.end().cast_signed(), rows::digest(chunk.digest.as_ref()), rows::time(chunk.at));
        let (offset, length, clear) =
            (chunk.offset.cast_signed(), length.cast_signed(), self.clear.cast_signed());
        let ledger: [&(dyn ToSql + Sync); 6] = [&end, &digest, &at, &offset, &length, &clear];
        params.extend_from_slice(&ledger);
        let sql = self.sql(WITH_ROW, &self.enter.key, &mut params, &fixed);
        outcome(store.row(&sql, &params).await?.as_ref())
    }

    /// The statement with this end. The first bytes make the row of the upload, with the last two parameters.
    fn sql<'a>(
        &'a self,
        end: &str,
        key: &'a String,
        params: &mut Vec<&'a (dyn ToSql + Sync)>,
        fixed: &'a Fixed,
    ) -> String {
        let (begin, after) = if end == WITH_ROW { (LOCK, AFTER_LOCK) } else { (" with ", "") };
        if self.enter.offset > 0 || self.parts > 0 {
            return format!("{begin}{}{REST}{end}", NEXT.replace("{AFTER}", after));
        }
        let (begin, may) = match end {
            WITH_ROW => (LOCK.to_owned(), may_begin("l")),
            _ => (format!(" with {RECORD}, "), may_begin("r")),
        };
        params.push(key);
        params.push(&fixed.part_size);
        let (key, size) = (format!("${}", params.len() - 1), format!("${}", params.len()));
        let first = FIRST.replace("{KEY}", &key).replace("{SIZE}", &size);
        let first = first.replace("{MAY}", &may).replace("{AFTER}", after);
        format!("{begin}{first}{REST}{end}")
    }
}

/// The row, and the length of its upload, if it only moves the end of the ledger.
fn moved(row: &Appended) -> Option<(&Appended, u64)> {
    match (&row.state, row.length) {
        (State::Receiving, Length::Known(length)) => Some((row, length)),
        _ => None,
    }
}

fn outcome(row: Option<&tokio_postgres::Row>) -> Result<Outcome, StoreError> {
    let Some(row) = row else { return Ok(Outcome { is_kept: false, is_recorded: false }) };
    Ok(Outcome { is_kept: rows::column(row, "is_kept")?, is_recorded: rows::column(row, "is_recorded")? })
}

/// The parameters that are no references into the bytes.
struct Fixed {
    id: uuid::Uuid,
    epoch: i64,
    before: i64,
    parts: i32,
    end: i64,
    now: i64,
    part_size: i64,
}

impl Fixed {
    fn of(keep: &Keep) -> Self {
        Self {
            id: keep.enter.id.uuid(),
            epoch: keep.enter.epoch.number().cast_signed(),
            before: keep.enter.offset.cast_signed(),
            parts: i32::try_from(keep.parts).unwrap_or(i32::MAX),
            end: keep.end.cast_signed(),
            now: rows::time(Timestamp::now()),
            part_size: keep.enter.part_size.cast_signed(),
        }
    }

    fn params<'a>(&'a self, keep: &'a Keep) -> Vec<&'a (dyn ToSql + Sync)> {
        vec![
            &self.id,
            &self.epoch,
            &self.before,
            &self.parts,
            &self.end,
            &keep.put,
            &keep.tail.offsets,
            &keep.tail.rows,
            &self.now,
        ]
    }
}

/// In the transaction of a row that changes more than the end, or of a creation.
#[async_trait]
impl Along for Keep {
    async fn write(&self, tx: &Tx, _message: Option<MessageId>) -> Result<(), Fault> {
        if self.is_nothing() && self.end == 0 {
            return Ok(());
        }
        let fixed = Fixed::of(self);
        let mut params = fixed.params(self);
        let sql = self.sql(ALONE, &self.enter.key, &mut params, &fixed);
        let kept = outcome(tx.row(&sql, &params).await?.as_ref())?;
        if !kept.is_kept {
            let entered = self.enter.make(tx).await?;
            let mut params = fixed.params(self);
            let sql = self.sql(ALONE, &entered.key, &mut params, &fixed);
            let again = outcome(tx.row(&sql, &params).await?.as_ref())?;
            if (entered.parts, entered.part_size) != (self.parts, self.enter.part_size) || !again.is_kept {
                return Err(StoreError::Fenced.into());
            }
        }
        tx.execute(CLEAR, &[&self.enter.id.uuid(), &self.clear.cast_signed()]).await?;
        Ok(())
    }
}

/// The bytes of pieces from an offset on.
pub(super) fn between(pieces: &Pieces, begin: u64, from: u64, to: u64) -> Vec<bytes::Bytes> {
    pieces.range(from.saturating_sub(begin)..to.saturating_sub(begin))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_a_tail_end_at_the_boundaries_of_parts() {
        let pieces = [bytes::Bytes::from_static(b"abc"), bytes::Bytes::from_static(b"defgh")];
        for (at, size, offsets) in
            [(0, 100, &[0][..]), (0, 4, &[0, 4]), (3, 4, &[3, 4, 8]), (4, 8, &[4, 8]), (0, 8, &[0])]
        {
            let tail = Tail::of(&pieces, at, size);
            assert_eq!(tail.offsets, offsets, "{at} {size}");
            assert_eq!(tail.rows.concat(), b"abcdefgh");
        }
    }
}
