//! The rows of uploads, as changes write them.

use futures_util::try_join;
use tokio_postgres::Row;
use uuid::Uuid;

use super::accounts;
use super::change::Tx;
use super::fault::Fault;
use super::rows::{self, StateColumns};
use super::seen::Seen;
use crate::store::StoreError;
use crate::upload::{Length, State, Upload, UploadId, Weight};

/// Inserts a new upload. It fails if there is one with its id by now.
pub(super) async fn insert(tx: &Tx, upload: &Upload) -> Result<(), Fault> {
    let sql = "insert into uploads (id, epoch, state, message_id, stamp, rejection, length, off, digest,
            active_at, noticed_at, committed_at, is_driven, can_expire, keeps_room,
            owner, created_at, record, conversation, client_message_id)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)";
    let columns = Columns::of(upload);
    let Columns { id, epoch, state, length, off, digest, active_at, committed_at, .. } = &columns;
    let Columns { is_driven, can_expire, keeps_room, .. } = &columns;
    let StateColumns { state, message_id, stamp, rejection } = state;
    let (owner, created_at) = (upload.owner.as_str(), rows::time(upload.created_at));
    let Bound { record, conversation, client_message_id } = Bound::of(upload);
    #[rustfmt::skip]
    let _inserted = tx.execute(sql, &[
        id, epoch, state, message_id, stamp, rejection, length, off, digest,
        active_at, committed_at, is_driven, can_expire, keeps_room,
        &owner, &created_at, &record, &conversation, &client_message_id,
    ])
    .await?;
    Ok(())
}

/// Writes an upload that was seen under locks, and everything that follows from its change: the parts that it
/// was made of, and the sums of the owners.
pub(super) async fn replace(tx: &Tx, seen: &Seen, upload: &Upload) -> Result<(), Fault> {
    let rebind =
        async { if seen.upload.binding == upload.binding { Ok(()) } else { bind(tx, upload).await } };
    let use_up =
        async { if seen.upload.joined_parts().is_some() { Ok(()) } else { use_up(tx, upload).await } };
    let reweigh = async {
        let weights = if seen.is_used { [Weight::NONE; 2] } else { [seen.upload.weight(), upload.weight()] };
        accounts::reweigh(tx, &upload.owner, weights).await
    };
    try_join!(update(tx, upload), rebind, use_up, reweigh)?;
    Ok(())
}

/// Deletes an upload that was seen under locks.
pub(super) async fn delete(tx: &Tx, seen: &Seen) -> Result<(), Fault> {
    let upload = &seen.upload;
    let id = upload.id.uuid();
    let delete = async { tx.execute("delete from uploads where id = $1", &[&id]).await };
    let weight = if seen.is_used { Weight::NONE } else { upload.weight() };
    try_join!(delete, accounts::reweigh(tx, &upload.owner, [weight, Weight::NONE]))?;
    Ok(())
}

/// Marks the parts that an upload was made of as used: from now on they are in no sum.
pub(super) async fn use_up(tx: &Tx, upload: &Upload) -> Result<(), Fault> {
    let Some(parts) = upload.joined_parts() else { return Ok(()) };
    let ids: Vec<Uuid> = parts.ids().iter().copied().map(UploadId::uuid).collect();
    // Two uploads may be made of the same parts at the same time, and name them in different orders.
    let sql = format!(
        "with p as materialized (
             select id from uploads where id = any($1) and not is_used order by id for update)
         update uploads u set is_used = true from p where u.id = p.id returning {}",
        rows::UPLOAD
    );
    for row in tx.query(&sql, &[&ids]).await? {
        let part = rows::upload(&row)?;
        accounts::reweigh(tx, &part.owner, [part.weight(), Weight::NONE]).await?;
    }
    Ok(())
}

/// Whether the columns that listings go by say of an upload what its record says.
pub(super) fn is_indexed(row: &Row, upload: &Upload) -> bool {
    let Columns { committed_at, is_driven, can_expire, keeps_room, .. } = Columns::of(upload);
    rows::column::<Option<i64>>(row, "committed_at").is_ok_and(|stored| stored == committed_at)
        && rows::column::<bool>(row, "is_driven").is_ok_and(|stored| stored == is_driven)
        && rows::column::<bool>(row, "can_expire").is_ok_and(|stored| stored == can_expire)
        && rows::column::<bool>(row, "keeps_room").is_ok_and(|stored| stored == keeps_room)
}

async fn update(tx: &Tx, upload: &Upload) -> Result<(), Fault> {
    let sql =
        "update uploads set state = $3, message_id = $4, stamp = $5, rejection = $6, length = $7, off = $8,
            digest = $9, active_at = $10, noticed_at = $10, committed_at = $11, is_driven = $12,
            can_expire = $13, keeps_room = $14
        where id = $1 and epoch = $2";
    let columns = Columns::of(upload);
    let Columns { id, epoch, state, length, off, digest, active_at, committed_at, .. } = &columns;
    let Columns { is_driven, can_expire, keeps_room, .. } = &columns;
    let StateColumns { state, message_id, stamp, rejection } = state;
    #[rustfmt::skip]
    let updated = tx.execute(sql, &[
        id, epoch, state, message_id, stamp, rejection, length, off, digest,
        active_at, committed_at, is_driven, can_expire, keeps_room,
    ])
    .await?;
    if updated == 1 { Ok(()) } else { Err(StoreError::Fenced.into()) }
}

/// Writes what a binding changes: the record is large, and stays as it is otherwise.
async fn bind(tx: &Tx, upload: &Upload) -> Result<(), Fault> {
    let sql = "update uploads set record = $2, conversation = $3, client_message_id = $4 where id = $1";
    let Bound { record, conversation, client_message_id } = Bound::of(upload);
    tx.execute(sql, &[&upload.id.uuid(), &record, &conversation, &client_message_id]).await?;
    Ok(())
}

/// The key of an upload, and the columns that may change with each change of it.
struct Columns {
    id: Uuid,
    epoch: i64,
    state: StateColumns,
    length: Option<i64>,
    off: i64,
    digest: Option<Vec<u8>>,
    active_at: i64,
    committed_at: Option<i64>,
    is_driven: bool,
    can_expire: bool,
    keeps_room: bool,
}

/// The columns of the binding, and the record, which has the rest of it.
struct Bound<'a> {
    record: Vec<u8>,
    conversation: Option<&'a [u8]>,
    client_message_id: Option<&'a str>,
}

impl Columns {
    fn of(upload: &Upload) -> Self {
        let active_at = rows::time(upload.active_at);
        let is_committed = matches!(upload.state, State::Committed(_));
        Self {
            id: upload.id.uuid(),
            epoch: upload.epoch.number().cast_signed(),
            state: rows::state_columns(&upload.state),
            length: upload.length.known().map(u64::cast_signed),
            off: upload.offset.cast_signed(),
            digest: rows::digest(upload.digest.as_ref()),
            active_at,
            committed_at: is_committed.then_some(active_at),
            is_driven: upload.is_driven(),
            can_expire: upload.expires_at(0).is_some(),
            keeps_room: keeps_room(upload),
        }
    }
}

impl<'a> Bound<'a> {
    fn of(upload: &'a Upload) -> Self {
        let binding = upload.binding.as_ref();
        Self {
            record: rows::record(upload),
            conversation: binding.map(|binding| binding.conversation_id.as_bytes().as_slice()),
            client_message_id: upload.client_message_id().map(|id| id.as_str()),
        }
    }
}

/// Whether room is kept for what the upload lacks, however many bytes it has.
fn keeps_room(upload: &Upload) -> bool {
    let empty = Weight::of(&upload.state, upload.length, 0, &upload.concat);
    matches!(upload.length, Length::Known(_)) && empty.missing > 0
}
