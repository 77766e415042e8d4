//! The audit: reads every table, one row after the other, and compares the tables with each other. Serving
//! needs nothing of it.

use sled::IVec;

use super::super::engine::layered::{Layered, Rows};
use super::super::messages;
use super::super::store::SledStore;
use super::super::tables::keys::{self, Key, Table};
use super::super::tables::rows::{self, ChunkRow, ClaimRow};
use super::super::tables::{order, sums, uploads};
use crate::message::{Message, MessageId};
use crate::store::StoreError;
use crate::upload::{Concat, Held, State, Upload, UploadId, Weight};

/// How many rows are read at once.
const PAGE: usize = 256;

/// The description of a row that is not what it should be.
pub type Fault = String;

impl SledStore {
    /// Hands on every upload, or the error why it cannot be read, one by one in the order of their ids.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read at all.
    pub async fn every_upload(
        &self,
        mut each: impl FnMut(UploadId, Result<Upload, StoreError>),
    ) -> Result<(), StoreError> {
        self.every_row(keys::UPLOAD, |rows, key, _| {
            if let Some(id) = keys::upload_at_end(key) {
                let found = uploads::find(rows, id);
                each(id, found.and_then(|found| found.map(|stored| stored.upload).ok_or_else(gone)));
            }
        })
        .await
    }

    /// Hands on every message, or the error why it cannot be read, one by one in the order of their ids.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read at all.
    pub async fn every_message(
        &self,
        mut each: impl FnMut(MessageId, Result<Message, StoreError>),
    ) -> Result<(), StoreError> {
        self.every_row(keys::MESSAGE, |rows, key, _| {
            if let Some(id) = keys::message_at_end(key) {
                each(id, messages::find(rows, id).and_then(|found| found.ok_or_else(gone)));
            }
        })
        .await
    }

    /// Compares every index with the rows that it leads to, both ways, every ledger with its upload, and the
    /// sums with the records.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read at all.
    pub async fn audit(&self, mut fault: impl FnMut(Fault)) -> Result<(), StoreError> {
        for (table, look) in TABLES {
            self.every_row(*table, |rows, key, row| match look(rows, key, row) {
                Ok(None) => {}
                Ok(Some(found)) => fault(found),
                Err(error) => fault(format!("table {table}: {error}")),
            })
            .await?;
        }
        Ok(())
    }

    async fn every_row(
        &self,
        table: Table,
        mut look: impl FnMut(&Layered<'_>, &[u8], &IVec),
    ) -> Result<(), StoreError> {
        let (mut start, end) = (table.start(), table.end());
        loop {
            let page = |rows: &Layered<'_>| {
                rows.rows(start.clone()..end.clone()).take(PAGE).collect::<Result<Vec<_>, _>>()
            };
            let page: Vec<(Key, IVec)> = self.core.read(page).await?;
            let Some((last, _)) = page.last() else { return Ok(()) };
            start = keys::after(last);
            // The rows do not change meanwhile: a copy is not written to.
            let look = std::cell::RefCell::new(&mut look);
            self.core
                .read(|rows| {
                    page.iter().for_each(|(key, row)| (*look.borrow_mut())(rows, key, row));
                    Ok(())
                })
                .await?;
        }
    }
}

type Look = fn(&Layered<'_>, &[u8], &IVec) -> Result<Option<Fault>, StoreError>;

const TABLES: &[(Table, Look)] = &[
    (keys::UPLOAD, upload),
    (keys::METADATA, metadata),
    (keys::LEDGER, ledger),
    (keys::UNFINISHED, unfinished),
    (keys::OWED, owed),
    (keys::USED, used),
    (keys::COMMITTED, committed),
    (keys::HELD, held),
    (keys::MISSING, missing),
    (keys::CLAIM, claim),
    (keys::PARTICIPANT, participant),
    (keys::MEMBERSHIP, membership),
    (keys::MESSAGE, message),
    (keys::CONTENT, content),
    (keys::ORDER, ordered),
    (keys::OUTBOX, outbox),
    (keys::MOVED, moved),
    (keys::POSITION, position),
];

fn gone() -> StoreError {
    StoreError::Damaged("a row that was there is gone".into())
}

/// The upload with this id. One that cannot be read is reported where uploads are read.
fn upload_of(rows: &Layered<'_>, id: UploadId) -> Option<Upload> {
    uploads::find(rows, id).ok().flatten().map(|stored| stored.upload)
}

fn is_there(rows: &Layered<'_>, key: &Key) -> Result<bool, StoreError> {
    Ok(rows.get(key)?.is_some())
}

fn upload(rows: &Layered<'_>, key: &[u8], _: &IVec) -> Result<Option<Fault>, StoreError> {
    let Some(upload) = keys::upload_at_end(key).and_then(|id| upload_of(rows, id)) else { return Ok(None) };
    let id = upload.id;
    let is_unfinished = !matches!(upload.state, State::Committed(_));
    let indexes = [
        ("unfinished", keys::unfinished(&upload.owner, upload.created_at, id), is_unfinished),
        ("owed", keys::owed(id), upload.is_driven()),
        ("committed", keys::committed(upload.active_at, id), !is_unfinished),
        ("summed", keys::held(&upload.owner), sums::weight(rows, &upload)? != Weight::NONE),
    ];
    for (name, key, expected) in indexes {
        if expected && !is_there(rows, &key)? {
            return Ok(Some(format!("upload {id} is missing in the index of {name} uploads")));
        }
    }
    match upload.state {
        State::Committed(message) if !is_there(rows, &keys::message(message))? => {
            Ok(Some(format!("upload {id} is committed and its message {message} is missing")))
        }
        _ => Ok(None),
    }
}

fn metadata(rows: &Layered<'_>, key: &[u8], _: &IVec) -> Result<Option<Fault>, StoreError> {
    without_record(rows, key, "metadata")
}

fn without_record(rows: &Layered<'_>, key: &[u8], what: &str) -> Result<Option<Fault>, StoreError> {
    let Some(id) = keys::upload_at_end(key) else {
        return Ok(Some(format!("{what} under a key that is none")));
    };
    let is_there = is_there(rows, &keys::upload(id))?;
    Ok((!is_there).then(|| format!("{what} of upload {id}, which has no record")))
}

/// Checks that rows follow each other without a gap. The oldest may be gone: only the end is ever read.
fn ledger(rows: &Layered<'_>, key: &[u8], row: &IVec) -> Result<Option<Fault>, StoreError> {
    let (Some(id), Some(offset)) = (keys::upload_of_chunk(key), keys::number_at_end(key)) else {
        return Ok(Some("a row of a ledger under a key that is none".into()));
    };
    if !is_there(rows, &keys::upload(id))? {
        return Ok(Some(format!("a ledger of upload {id}, which has no record")));
    }
    let chunk: ChunkRow = rows::decode("ledger", row)?;
    let end = offset.saturating_add(chunk.length);
    let next = rows.rows(keys::after(key)..keys::end_of(&keys::ledger(id))).next().transpose()?;
    match next.and_then(|(key, _)| keys::number_at_end(&key)) {
        Some(next) if next != end => {
            Ok(Some(format!("the ledger of upload {id} goes on at {next} after a row that ends at {end}")))
        }
        _ => Ok(None),
    }
}

fn unfinished(rows: &Layered<'_>, key: &[u8], _: &IVec) -> Result<Option<Fault>, StoreError> {
    let of = |upload: &Upload| !matches!(upload.state, State::Committed(_));
    let at = |upload: &Upload| keys::unfinished(&upload.owner, upload.created_at, upload.id);
    indexed_upload(rows, key, "unfinished", of, at)
}

fn owed(rows: &Layered<'_>, key: &[u8], _: &IVec) -> Result<Option<Fault>, StoreError> {
    indexed_upload(rows, key, "owed", Upload::is_driven, |upload| keys::owed(upload.id))
}

fn used(rows: &Layered<'_>, key: &[u8], _: &IVec) -> Result<Option<Fault>, StoreError> {
    let is_part = |upload: &Upload| upload.concat == Concat::Partial;
    indexed_upload(rows, key, "used", is_part, |upload| keys::used(upload.id))
}

fn committed(rows: &Layered<'_>, key: &[u8], _: &IVec) -> Result<Option<Fault>, StoreError> {
    let of = |upload: &Upload| matches!(upload.state, State::Committed(_));
    indexed_upload(rows, key, "committed", of, |upload| keys::committed(upload.active_at, upload.id))
}

fn indexed_upload(
    rows: &Layered<'_>,
    key: &[u8],
    index: &str,
    belongs: impl Fn(&Upload) -> bool,
    at: impl Fn(&Upload) -> Key,
) -> Result<Option<Fault>, StoreError> {
    let Some(id) = keys::upload_at_end(key) else {
        return Ok(Some(format!("the index of {index} uploads: a key")));
    };
    if !is_there(rows, &keys::upload(id))? {
        return Ok(Some(format!("the index of {index} uploads has {id}, which has no record")));
    }
    let is_wrong = upload_of(rows, id).is_some_and(|upload| !belongs(&upload) || *at(&upload) != *key);
    Ok(is_wrong.then(|| format!("the index of {index} uploads has {id}, which does not belong there")))
}

/// Compares an owner's sums with the owner's records.
fn held(rows: &Layered<'_>, key: &[u8], row: &IVec) -> Result<Option<Fault>, StoreError> {
    let Some(owner) = keys::owner_at_start(key) else { return Ok(Some("the sums of owners: a key".into())) };
    let found: Held = rows::decode("held", row)?;
    let Held { uploads, bytes } = uploads::sums_of(rows, &keys::unfinished_of(&owner))?.held;
    let is_wrong = found != Held { uploads, bytes } || uploads == 0;
    Ok(is_wrong.then(|| format!("the sums of {owner} are not those of {uploads} uploads of {bytes} bytes")))
}

fn missing(rows: &Layered<'_>, _: &[u8], _: &IVec) -> Result<Option<Fault>, StoreError> {
    let sums = uploads::sums_of(rows, &keys::every_unfinished())?;
    let is_wrong = sums::missing(rows)? != Some(sums.missing);
    Ok(is_wrong.then(|| format!("the sum of what uploads lack is not {} bytes", sums.missing)))
}

fn claim(rows: &Layered<'_>, _: &[u8], row: &IVec) -> Result<Option<Fault>, StoreError> {
    let claim: ClaimRow = rows::decode("claim", row)?;
    let id = claim.upload;
    match claim.message {
        None if !is_there(rows, &keys::upload(id))? => {
            Ok(Some(format!("a client_message_id is held by upload {id}, which has no record")))
        }
        Some(message) if !is_there(rows, &keys::message(message))? => {
            let is_coming = upload_of(rows, id).is_some_and(
                |upload| matches!(upload.state, State::Finalizing(stamp) if stamp.id == message),
            );
            Ok((!is_coming)
                .then(|| format!("a client_message_id leads to message {message}, which is missing")))
        }
        _ => Ok(None),
    }
}

fn participant(rows: &Layered<'_>, key: &[u8], _: &IVec) -> Result<Option<Fault>, StoreError> {
    let (Some(id), Some(membership)) = (keys::conversation_of_participant(key), keys::membership_of(key))
    else {
        return Ok(Some("the participants of conversations: a key".into()));
    };
    if !is_there(rows, &keys::conversation(id))? {
        return Ok(Some("a participant of a conversation that does not exist".into()));
    }
    let is_missing = !is_there(rows, &membership)?;
    Ok(is_missing
        .then(|| format!("a participant of conversation {id} is missing in the list of memberships")))
}

fn membership(rows: &Layered<'_>, key: &[u8], _: &IVec) -> Result<Option<Fault>, StoreError> {
    match keys::participant_of(key) {
        Some(participant) if is_there(rows, &participant)? => Ok(None),
        _ => Ok(Some("the list of memberships has a user who is not in that conversation".into())),
    }
}

fn message(rows: &Layered<'_>, key: &[u8], _: &IVec) -> Result<Option<Fault>, StoreError> {
    let Some(id) = keys::message_at_end(key) else { return Ok(None) };
    // A message that cannot be read is reported where messages are read.
    let Ok(Some(message)) = messages::find(rows, id) else { return Ok(None) };
    let is_listed = is_there(rows, &keys::order(message.conversation_id, order::position(rows, id)?))?;
    Ok((!is_listed).then(|| format!("message {id} is missing in its conversation's order")))
}

fn content(rows: &Layered<'_>, key: &[u8], _: &IVec) -> Result<Option<Fault>, StoreError> {
    indexed_message(rows, key, "a content")
}

fn ordered(rows: &Layered<'_>, key: &[u8], _: &IVec) -> Result<Option<Fault>, StoreError> {
    let Some((conversation, position)) = keys::place_in_order(key) else {
        return Ok(Some("the order of a conversation: a key".into()));
    };
    let moved = rows.get(&keys::moved(conversation, position))?;
    let id = moved.map(|row| rows::decode("moved", &row)).transpose()?.unwrap_or(position.0);
    if let Ok(Some(message)) = messages::find(rows, id)
        && *keys::order(message.conversation_id, order::position(rows, id)?) != *key
    {
        return Ok(Some(format!("message {id} is in the order of a conversation where it does not belong")));
    }
    named_message(rows, id, "the order of a conversation")
}

/// Checks that the row agrees with the position of the message that it leads to.
fn moved(rows: &Layered<'_>, key: &[u8], row: &IVec) -> Result<Option<Fault>, StoreError> {
    let id: MessageId = rows::decode("moved", row)?;
    let is_same = keys::place_in_order(key)
        .is_some_and(|(_, place)| order::position(rows, id).is_ok_and(|at| at == place));
    if !is_same {
        return Ok(Some(format!("message {id} was moved to a place that it does not have")));
    }
    named_message(rows, id, "a moved message")
}

fn position(rows: &Layered<'_>, key: &[u8], _: &IVec) -> Result<Option<Fault>, StoreError> {
    indexed_message(rows, key, "a position")
}

fn outbox(rows: &Layered<'_>, key: &[u8], _: &IVec) -> Result<Option<Fault>, StoreError> {
    indexed_message(rows, key, "the outbox")
}

fn indexed_message(rows: &Layered<'_>, key: &[u8], index: &str) -> Result<Option<Fault>, StoreError> {
    let Some(id) = keys::message_at_end(key) else { return Ok(Some(format!("{index}: a key"))) };
    named_message(rows, id, index)
}

fn named_message(rows: &Layered<'_>, id: MessageId, index: &str) -> Result<Option<Fault>, StoreError> {
    let is_there = is_there(rows, &keys::message(id))?;
    Ok((!is_there).then(|| format!("{index} names message {id}, which is missing")))
}
