//! Comparison of the rows of bytes with records, with messages, and with each other.

use super::{Found, Tell};
use crate::message::MessageId;
use crate::store::StoreError;
use crate::store::object::objects::Shared;
use crate::store::object::stored::unsigned;
use crate::store::postgres::audit::{Disagreement, Moment};
use crate::store::postgres::rows;

/// What has to hold between the tables of bytes and the others.
const AGREEMENTS: [Disagreement; 10] = [
    (
        "has no bytes, and its ledger is not empty",
        "select 'upload ' || replace(u.id::text, '-', '') name from uploads u
         where u.state in (0, 1, 2) and u.off <> 0
             and not exists (select from stored s where s.upload = u.id)
             and not exists (select from files f where u.state = 2 and f.message = u.message_id)",
    ),
    (
        "has fewer bytes than were acknowledged",
        "select 'upload ' || replace(u.id::text, '-', '') name from uploads u join stored s on s.upload = u.id
         where u.state in (0, 1, 2) and s.kept < u.off",
    ),
    (
        "is an object of another length than its ledger says",
        "select 'upload ' || replace(u.id::text, '-', '') name from uploads u join stored s on s.upload = u.id
         where u.state in (1, 2) and s.sealed_length <> u.off",
    ),
    (
        "does not have the parts that it counts",
        "select 'upload ' || replace(s.upload::text, '-', '') name from stored s
         where s.sealed_length is null and (s.parts > 0 and s.multipart_id is null
             or s.parts <> (select count(*) from upload_parts p where p.upload = s.upload)
             or s.parts <> (select coalesce(max(p.idx), -1) + 1 from upload_parts p where p.upload = s.upload))",
    ),
    (
        "does not have all bytes behind its parts",
        "select 'upload ' || replace(s.upload::text, '-', '') name
         from stored s left join lateral (
             select sum(octet_length(t.bytes)) bytes, min(t.off) first, max(t.off + octet_length(t.bytes)) last
             from upload_tail t where t.upload = s.upload and t.off >= s.parts * s.part_size
         ) t on true
         where s.sealed_length is null and s.kept > s.parts * s.part_size
             and (t.bytes is distinct from s.kept - s.parts * s.part_size
                 or t.first is distinct from s.parts * s.part_size or t.last is distinct from s.kept)",
    ),
    (
        "has parts, and there are no bytes of it",
        "select distinct 'upload ' || replace(p.upload::text, '-', '') name from upload_parts p
         where not exists (select from stored s where s.upload = p.upload)",
    ),
    (
        "has a tail, and there are no bytes of it",
        "select distinct 'upload ' || replace(t.upload::text, '-', '') name from upload_tail t
         where not exists (select from stored s where s.upload = t.upload)",
    ),
    (
        "has intents, and there are no bytes of it",
        "select distinct 'upload ' || replace(i.upload::text, '-', '') name from upload_intents i
         where not exists (select from stored s where s.upload = i.upload)",
    ),
    (
        "has a file, and there is no such message",
        "select 'message ' || encode(f.message, 'hex') name from files f
         where not exists (select from messages m where m.id = f.message)
             and not exists (select from uploads u where u.state = 2 and u.message_id = f.message)",
    ),
    (
        "is that of another object as well",
        "select 'the key ' || object_key name from (
             select object_key from files union all select object_key from stored) k
         group by object_key having count(*) > 1",
    ),
];

/// What a kill leaves, and a server frees once a day has gone by: bytes may come before their record.
const LEFT: [Disagreement; 1] = [(
    "has bytes that no record needs",
    "select 'upload ' || replace(s.upload::text, '-', '') name from stored s
     where s.written_at < (extract(epoch from now() - interval '2 days') * 1000)::bigint
         and not exists (select from uploads u where u.id = s.upload and u.state in (0, 1, 2))",
)];

impl Shared {
    /// Compares the tables as they are at one moment.
    pub(super) async fn audit_tables(&self, tell: Tell<'_>) -> Result<(), StoreError> {
        let moment = self.store.moment().await?;
        moment.disagreements(&AGREEMENTS, |fault| tell(Found::Wrong(fault))).await?;
        moment.disagreements(&LEFT, |left| tell(Found::Left(left))).await?;
        audit_messages(&moment, tell).await
    }
}

/// Compares each message with the row of its file.
async fn audit_messages(moment: &Moment, tell: Tell<'_>) -> Result<(), StoreError> {
    let sql = "select m.id, m.conversation, m.sender, m.upload, m.body, f.length
        from messages m left join files f on f.message = m.id
        where $1::bytea is null or m.id > $1 order by m.id limit 1000";
    let mut after: Option<Vec<u8>> = None;
    loop {
        let page = moment.query(sql, &[&after]).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(rows::twelve(last, "id")?.to_vec());
        for row in &page {
            let id = MessageId::from_bytes(rows::twelve(row, "id")?);
            // One that cannot be read is told of with the messages.
            let Ok(message) = rows::message(row) else { continue };
            if rows::column::<Option<i64>>(row, "length")?.is_none() {
                tell(Found::Wrong(format!("message {id}: it has no file")));
                continue;
            }
            let (length, size) = (unsigned(row, "length")?, message.file_size);
            if length != size {
                tell(Found::Wrong(format!("message {id}: its file has {length} bytes, and not {size}")));
            }
        }
    }
}
