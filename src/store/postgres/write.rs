//! Rows written by changes that hold their locks.

use uuid::Uuid;

use super::change::Tx;
use super::fault::Fault;
use super::rows::{self, StateColumns};
use super::seen::{Clock, Holder, Seen};
use crate::message::{ConversationId, MessageId, UserId};
use crate::store::{StoreError, Taking};
use crate::upload::{Held, Length, State, Upload, UploadId, Weight};

/// Inserts a new upload.
pub(super) async fn insert(tx: &Tx, upload: &Upload) -> Result<(), Fault> {
    let sql =
        "insert into uploads (id, epoch, owner, created_at, state, message_id, stamp, rejection, record,
            length, off, digest, conversation, client_message_id, active_at, noticed_at, committed_at,
            is_driven, can_expire, keeps_room)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $15, $16, $17, $18, $19)";
    let columns = Columns::of(upload);
    let (owner, created_at) = (upload.owner.as_str(), rows::time(upload.created_at));
    let Columns { id, epoch, state, record, length, off, digest, .. } = &columns;
    let Columns { conversation, client_message_id, active_at, committed_at, .. } = &columns;
    let Columns { is_driven, can_expire, keeps_room, .. } = &columns;
    let StateColumns { state, message_id, stamp, rejection } = state;
    let message_id = message_id.as_ref().map(<[u8; 12]>::as_slice);
    tx.execute(
        sql,
        &[
            id,
            epoch,
            &owner,
            &created_at,
            state,
            &message_id,
            stamp,
            rejection,
            record,
            length,
            off,
            digest,
            conversation,
            client_message_id,
            active_at,
            committed_at,
            is_driven,
            can_expire,
            keeps_room,
        ],
    )
    .await?;
    Ok(())
}

/// Writes what may change of an upload.
pub(super) async fn update(tx: &Tx, upload: &Upload) -> Result<(), Fault> {
    let sql = "update uploads set state = $3, message_id = $4, stamp = $5, rejection = $6, record = $7,
            length = $8, off = $9, digest = $10, conversation = $11, client_message_id = $12, active_at = $13,
            noticed_at = $13, committed_at = $14, is_driven = $15, can_expire = $16, keeps_room = $17
        where id = $1 and epoch = $2";
    let columns = Columns::of(upload);
    let Columns { id, epoch, state, record, length, off, digest, .. } = &columns;
    let Columns { conversation, client_message_id, active_at, committed_at, .. } = &columns;
    let Columns { is_driven, can_expire, keeps_room, .. } = &columns;
    let StateColumns { state, message_id, stamp, rejection } = state;
    let message_id = message_id.as_ref().map(<[u8; 12]>::as_slice);
    let updated = tx
        .execute(
            sql,
            &[
                id,
                epoch,
                state,
                &message_id,
                stamp,
                rejection,
                record,
                length,
                off,
                digest,
                conversation,
                client_message_id,
                active_at,
                committed_at,
                is_driven,
                can_expire,
                keeps_room,
            ],
        )
        .await?;
    if updated == 1 { Ok(()) } else { Err(StoreError::Fenced.into()) }
}

/// Writes an upload that was seen under locks, and everything that follows from its change: the sums of its
/// owner, and the parts that it was made of.
pub(super) async fn replace(tx: &Tx, seen: &Seen, upload: &Upload) -> Result<(), Fault> {
    update(tx, upload).await?;
    if !seen.is_used {
        reweigh(tx, &upload.owner, seen.upload.weight(), upload.weight()).await?;
    }
    if seen.upload.joined_parts().is_none() {
        use_up(tx, upload).await?;
    }
    Ok(())
}

/// Marks the parts that an upload was made of as used: from now on they are in no sum.
pub(super) async fn use_up(tx: &Tx, upload: &Upload) -> Result<(), Fault> {
    let Some(parts) = upload.joined_parts() else { return Ok(()) };
    let ids: Vec<Uuid> = parts.ids().iter().map(|id| id.uuid()).collect();
    // Two uploads may be made of the same parts at the same time, and name them in different orders.
    let sql = format!(
        "with p as materialized (select id from uploads where id = any($1) and not is_used order by id for update)
         update uploads u set is_used = true from p where u.id = p.id returning {}",
        rows::UPLOAD
    );
    for row in tx.query(&sql, &[&ids]).await? {
        let part = rows::upload(&row)?;
        reweigh(tx, &part.owner, part.weight(), Weight::NONE).await?;
    }
    Ok(())
}

/// Changes the sums of an owner by the change of an upload's weight.
pub(super) async fn reweigh(tx: &Tx, owner: &UserId, before: Weight, after: Weight) -> Result<(), Fault> {
    if before.held == after.held {
        return Ok(());
    }
    let sql = "insert into accounts (member, uploads, bytes)
            values ($1, greatest($2::bigint, 0), greatest($3::text::numeric, 0))
        on conflict (member) do update set uploads = greatest(accounts.uploads + $2::bigint, 0),
            bytes = greatest(accounts.bytes + $3::text::numeric, 0)";
    let uploads = after.held.uploads.cast_signed() - before.held.uploads.cast_signed();
    let bytes = after.held.bytes.cast_signed() - before.held.bytes.cast_signed();
    tx.execute(sql, &[&owner.as_str(), &uploads, &bytes.to_string()]).await?;
    Ok(())
}

/// Inserts the sums of an owner who had none. It fails if there are some by now.
pub(super) async fn open_account(tx: &Tx, owner: &UserId, held: Held) -> Result<(), Fault> {
    let sql = "insert into accounts (member, uploads, bytes) values ($1, $2, $3::text::numeric)";
    tx.execute(sql, &[&owner.as_str(), &held.uploads.cast_signed(), &held.bytes.to_string()]).await?;
    Ok(())
}

/// Takes the `client_message_id` for the upload, unless another upload has it and keeps it.
pub(super) async fn take(
    tx: &Tx,
    upload: &Upload,
    holder: Option<Holder>,
    taking: Taking,
) -> Result<(), Fault> {
    let is_free = holder.is_none_or(|holder| holder.upload != upload.id && taking == Taking::Overtake);
    if is_free { hold(tx, upload, holder, None).await } else { Ok(()) }
}

/// Makes the upload, or its message, the holder of its `client_message_id`.
pub(super) async fn hold(
    tx: &Tx,
    upload: &Upload,
    holder: Option<Holder>,
    message: Option<MessageId>,
) -> Result<(), Fault> {
    let Some(binding) = &upload.binding else { return Ok(()) };
    let Some(client) = &binding.client_message_id else { return Ok(()) };
    let sql = match holder {
        None => {
            "insert into client_ids (sender, conversation, client_message_id, upload, message_id)
             values ($1, $2, $3, $4, $5)"
        }
        Some(_) => {
            "update client_ids set upload = $4, message_id = $5
             where sender = $1 and conversation = $2 and client_message_id = $3"
        }
    };
    let (owner, conversation) = (upload.owner.as_str(), binding.conversation_id.as_bytes().as_slice());
    let message = message.as_ref().map(|id| id.as_bytes().as_slice());
    tx.execute(sql, &[&owner, &conversation, &client.as_str(), &upload.id.uuid(), &message]).await?;
    Ok(())
}

/// Frees the upload's `client_message_id`, unless another upload or a message holds it. The statement sees
/// what was there before it began, and no older snapshot.
pub(super) async fn release(tx: &Tx, upload: &Upload) -> Result<(), Fault> {
    let Some(binding) = &upload.binding else { return Ok(()) };
    let Some(client) = &binding.client_message_id else { return Ok(()) };
    let sql = "delete from client_ids where sender = $1 and conversation = $2 and client_message_id = $3
        and upload = $4 and message_id is null";
    let (owner, conversation) = (upload.owner.as_str(), binding.conversation_id.as_bytes().as_slice());
    tx.execute(sql, &[&owner, &conversation, &client.as_str(), &upload.id.uuid()]).await?;
    Ok(())
}

/// Deletes an upload.
pub(super) async fn delete(tx: &Tx, id: UploadId) -> Result<(), Fault> {
    tx.execute("delete from uploads where id = $1", &[&id.uuid()]).await?;
    Ok(())
}

/// Sets the clock of a conversation, which is inserted if none was seen.
pub(super) async fn set_clock(
    tx: &Tx,
    conversation: ConversationId,
    before: Option<Clock>,
    clock: Clock,
) -> Result<(), Fault> {
    let sql = match before {
        None => "insert into clocks (conversation, latest_id, latest_at, position) values ($1, $2, $3, $4)",
        Some(_) => "update clocks set latest_id = $2, latest_at = $3, position = $4 where conversation = $1",
    };
    let position = clock.position.as_ref().map(|position| position.0.as_bytes().as_slice());
    let (id, at) = (clock.latest.id.as_bytes().as_slice(), rows::time(clock.latest.at));
    tx.execute(sql, &[&conversation.as_bytes().as_slice(), &id, &at, &position]).await?;
    Ok(())
}

/// The columns of an upload that may change, and its key.
struct Columns {
    id: Uuid,
    epoch: i64,
    state: StateColumns,
    record: Vec<u8>,
    length: Option<i64>,
    off: i64,
    digest: Option<Vec<u8>>,
    conversation: Option<Vec<u8>>,
    client_message_id: Option<String>,
    active_at: i64,
    committed_at: Option<i64>,
    is_driven: bool,
    can_expire: bool,
    keeps_room: bool,
}

impl Columns {
    fn of(upload: &Upload) -> Self {
        let active_at = rows::time(upload.active_at);
        let is_committed = matches!(upload.state, State::Committed(_));
        let binding = upload.binding.as_ref();
        Self {
            id: upload.id.uuid(),
            epoch: upload.epoch.number().cast_signed(),
            state: rows::state_columns(&upload.state),
            record: rows::record(upload),
            length: upload.length.known().map(u64::cast_signed),
            off: upload.offset.cast_signed(),
            digest: rows::digest(upload.digest.as_ref()),
            conversation: binding.map(|binding| binding.conversation_id.as_bytes().to_vec()),
            client_message_id: upload.client_message_id().map(|id| id.as_str().to_owned()),
            active_at,
            committed_at: is_committed.then_some(active_at),
            is_driven: upload.is_driven(),
            can_expire: upload.expires_at(0).is_some(),
            keeps_room: keeps_room(upload),
        }
    }
}

/// Whether room is kept for what the upload lacks, however many bytes it has.
fn keeps_room(upload: &Upload) -> bool {
    let empty = Weight::of(&upload.state, upload.length, 0, &upload.concat);
    matches!(upload.length, Length::Known(_)) && empty.missing > 0
}
