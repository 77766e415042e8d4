//! An upload as it lies in its tables: record, metadata, ledger, and the indexes that follow from them.

use std::borrow::Cow;

use super::super::engine::layered::{Layered, Rows};
use super::super::engine::rows::Fresh;
use super::super::engine::view::View;
use super::keys::{self, Key};
use super::rows::{self, ChunkRow, End, UploadRow};
use super::sums;
use crate::message::UserId;
use crate::store::StoreError;
use crate::upload::{
    Chunk, Concat, Conflict, Epoch, Held, Length, Metadata, Parts, State, Upload, UploadId, Weight,
};

/// The longest description that lies behind the record, and is written again with every change of it; a
/// longer one is a row of its own.
const SHORT_DESCRIPTION: usize = 1024;
/// The most rows of a ledger that one operation deletes.
const LEDGER_STEP: usize = 256;

/// The reason why an upload is not written, or not removed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unwritten {
    /// The ledger has more rows to delete than one operation may.
    #[error("the ledger is too long for one operation")]
    LongLedger,
    /// The store failed, or the change conflicts with what is stored.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Unwritten> for StoreError {
    fn from(unwritten: Unwritten) -> Self {
        match unwritten {
            Unwritten::Store(error) => error,
            unwritten => Self::Unavailable(unwritten.to_string()),
        }
    }
}

impl From<Conflict> for Unwritten {
    fn from(conflict: Conflict) -> Self {
        Self::Store(conflict.into())
    }
}

/// An upload, and how it is stored.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) upload: Upload,
    /// The end in the record, which holds where there is no ledger.
    base: End,
    /// Whether the ledger has rows.
    has_ledger: bool,
    /// Whether the description lies behind the record.
    is_described: bool,
}

/// The upload as recorded.
pub(crate) fn find(rows: &impl Rows, id: UploadId) -> Result<Option<Stored>, StoreError> {
    let Some(row) = rows.get(&keys::upload(id))? else {
        return Ok(None);
    };
    let (epoch, row, description) = rows::decode_upload(&row)?;
    let ledger = end_of_ledger(rows, id, &row)?;
    let (has_ledger, is_described) = (ledger.is_some(), description.is_some());
    let end = ledger.unwrap_or_else(|| row.end.clone());
    let (metadata, concat) = match description {
        Some(description) => parse(description)?,
        None => parse_row(&rows.get(&keys::metadata(id))?.unwrap_or_default())?,
    };
    let upload = Upload {
        id,
        owner: row.owner,
        length: row.length,
        metadata,
        concat,
        binding: row.binding,
        state: row.state,
        created_at: row.created_at,
        offset: end.offset,
        active_at: end.active_at,
        digest: end.digest,
        epoch,
    };
    Ok(Some(Stored { upload, base: row.end, has_ledger, is_described }))
}

/// The sums by the records, over those that the index of unfinished uploads has under this prefix. A record
/// that cannot be read is reported elsewhere.
pub(crate) fn sums_of(rows: &Layered<'_>, prefix: &Key) -> Result<Weight, StoreError> {
    let mut sums = Weight::NONE;
    for row in rows.rows(prefix.clone()..keys::end_of(prefix)) {
        let found = keys::upload_at_end(&row?.0).and_then(|id| find(rows, id).ok().flatten());
        let Some(Stored { upload, .. }) = found else { continue };
        let weight = sums::weight(rows, &upload)?;
        sums.held = sums.held.changed(Held::default(), weight.held);
        sums.missing += weight.missing;
    }
    Ok(sums)
}

/// The facts that an append is judged by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Progress {
    owner: UserId,
    concat: Concat,
    pub(crate) epoch: Epoch,
    pub(crate) length: Length,
    pub(crate) state: State,
    pub(crate) offset: u64,
}

/// The progress of an upload, read without the rest of it.
///
/// # Errors
/// [`StoreError::Conflict`] if the upload is gone.
pub(crate) fn progress(rows: &impl Rows, id: UploadId) -> Result<Progress, StoreError> {
    let row = rows.get(&keys::upload(id))?.ok_or(StoreError::Conflict(Conflict::Gone))?;
    let (epoch, row, description) = rows::decode_upload(&row)?;
    let concat = match description {
        Some(description) => parse_concat(description.split_once('\0').map_or("", |(_, concat)| concat))?,
        None => parse_row(&rows.get(&keys::metadata(id))?.unwrap_or_default())?.1,
    };
    let end = end_of_ledger(rows, id, &row)?.unwrap_or(row.end);
    let UploadRow { owner, length, state, .. } = row;
    Ok(Progress { owner, concat, epoch, length, state, offset: end.offset })
}

/// The upload as recorded, to be changed.
///
/// # Errors
/// [`StoreError::Conflict`] if the upload is gone.
pub(crate) fn existing(view: &View<'_>, id: UploadId) -> Result<Stored, StoreError> {
    find(view, id)?.ok_or(StoreError::Conflict(Conflict::Gone))
}

/// Writes a new upload. One that comes with all of its bytes needs no ledger, because no bytes will follow.
pub(crate) fn insert(view: &mut View<'_>, upload: &Upload) -> Result<(), StoreError> {
    let description = describe(upload);
    debug_assert_eq!(parse(&description).ok(), Some((upload.metadata.clone(), upload.concat.clone())));
    let is_short = description.len() <= SHORT_DESCRIPTION;
    if !is_short {
        view.put(keys::metadata(upload.id), description.as_bytes())?;
    }
    let mut end = end_of(upload);
    if upload.state == State::Receiving && upload.offset > 0 {
        let chunk =
            Chunk { offset: 0, length: upload.offset, at: upload.active_at, digest: upload.digest.clone() };
        add_row(view, upload.id, &chunk)?;
        end.offset = 0;
    }
    write(view, None, upload, end, is_short.then_some(&*description))
}

/// Writes a row of the ledger of an upload of which nothing else changes.
pub(crate) fn extend(
    view: &mut View<'_>,
    id: UploadId,
    before: &Progress,
    chunk: &Chunk,
) -> Result<(), StoreError> {
    add_row(view, id, chunk)?;
    let Progress { owner, concat, length, state, offset, .. } = before;
    let weights = [*offset, chunk.end()].map(|offset| Weight::of(state, *length, offset, concat));
    sums::change(view, id, owner, concat, weights)
}

/// Writes a row of the ledger. It replaces the last row if that has no bytes.
pub(crate) fn add_row(view: &mut View<'_>, id: UploadId, chunk: &Chunk) -> Result<(), StoreError> {
    let row = ChunkRow { length: chunk.length, at: chunk.at, digest: chunk.digest.clone() };
    view.put_for_a_while(keys::chunk(id, chunk.offset), rows::encode(&row))
}

/// Writes a change of the record. Once the upload is committed, only the end of its ledger is kept.
///
/// # Errors
/// [`Unwritten::LongLedger`].
pub(crate) fn update(view: &mut View<'_>, before: Stored, upload: Upload) -> Result<(), Unwritten> {
    let Stored { upload: before, mut base, has_ledger, is_described } = before;
    if matches!(upload.state, State::Committed(_)) {
        if has_ledger {
            drop_ledger(view, upload.id)?;
        }
        base = end_of(&upload);
    }
    let description = is_described.then(|| describe(&upload));
    Ok(write(view, Some(&before), &upload, base, description.as_deref())?)
}

/// Deletes the upload from all of its tables.
///
/// # Errors
/// [`Unwritten::LongLedger`].
pub(crate) fn remove(view: &mut View<'_>, stored: &Stored) -> Result<(), Unwritten> {
    let upload = &stored.upload;
    drop_ledger(view, upload.id)?;
    reweigh(view, upload, [upload.weight(), Weight::NONE])?;
    if !stored.is_described {
        view.delete(keys::metadata(upload.id));
    }
    view.delete(keys::unfinished(&upload.owner, upload.created_at, upload.id));
    view.delete(keys::owed(upload.id));
    if upload.concat == Concat::Partial {
        view.delete(keys::used(upload.id));
    }
    if is_committed(upload) {
        view.delete(keys::committed(upload.active_at, upload.id));
    }
    view.delete(keys::upload(upload.id));
    Ok(())
}

/// Deletes the oldest rows of a ledger, but not its last one, up to the bound of an operation; answers
/// whether there are more. Only the end is ever read.
pub(crate) fn shorten_ledger(view: &mut View<'_>, id: UploadId) -> Result<bool, StoreError> {
    let oldest = view.keys(&keys::ledger(id), LEDGER_STEP + 1)?;
    let surplus = oldest.len().saturating_sub(1);
    oldest.into_iter().take(surplus).for_each(|key| view.delete(key));
    Ok(surplus == LEDGER_STEP)
}

fn write(
    view: &mut View<'_>,
    before: Option<&Upload>,
    upload: &Upload,
    end: End,
    description: Option<&str>,
) -> Result<(), StoreError> {
    let row = UploadRow {
        owner: upload.owner.clone(),
        length: upload.length,
        binding: upload.binding.clone(),
        state: upload.state.clone(),
        created_at: upload.created_at,
        end,
    };
    let key = keys::upload(upload.id);
    let fresh = if before.is_none() { Fresh::look(view, key.clone())?.ok() } else { None };
    view.put(key, rows::encode_upload(upload.epoch, &row, description))?;
    let mark = |view: &mut View<'_>, key, is_there| match &fresh {
        Some(record) if is_there => {
            view.mark_beside(record, key);
            Ok(())
        }
        _ => view.mark(key, is_there),
    };
    reweigh(view, upload, [before.map_or(Weight::NONE, Upload::weight), upload.weight()])?;
    // Most changes of a record change no index.
    if before.is_some_and(is_unfinished) != is_unfinished(upload) {
        let key = keys::unfinished(&upload.owner, upload.created_at, upload.id);
        mark(view, key, is_unfinished(upload))?;
    }
    if before.is_some_and(Upload::is_driven) != upload.is_driven() {
        mark(view, keys::owed(upload.id), upload.is_driven())?;
    }
    if is_committed(upload) && !before.is_some_and(is_committed) {
        view.mark(keys::committed(upload.active_at, upload.id), true)?;
    }
    match upload.joined_parts() {
        Some(parts) if before.is_none_or(|before| before.joined_parts().is_none()) => mark_used(view, parts),
        _ => Ok(()),
    }
}

/// Marks parts as used: from now on they are in no sum. A part may be used more than once, and the parts of
/// an upload that is asked for again may be gone.
fn mark_used(view: &mut View<'_>, parts: &Parts) -> Result<(), StoreError> {
    for id in parts.ids() {
        if view.get(&keys::used(*id))?.is_some() {
            continue;
        }
        if let Some(Stored { upload: part, .. }) = find(view, *id)? {
            reweigh(view, &part, [part.weight(), Weight::NONE])?;
            view.mark(keys::used(*id), true)?;
        }
    }
    Ok(())
}

fn reweigh(view: &mut View<'_>, upload: &Upload, weights: [Weight; 2]) -> Result<(), StoreError> {
    sums::change(view, upload.id, &upload.owner, &upload.concat, weights)
}

fn is_unfinished(upload: &Upload) -> bool {
    !is_committed(upload)
}

fn is_committed(upload: &Upload) -> bool {
    matches!(upload.state, State::Committed(_))
}

fn drop_ledger(view: &mut View<'_>, id: UploadId) -> Result<(), Unwritten> {
    let rows = view.keys(&keys::ledger(id), LEDGER_STEP + 1)?;
    if rows.len() > LEDGER_STEP {
        return Err(Unwritten::LongLedger);
    }
    rows.into_iter().for_each(|key| view.delete(key));
    Ok(())
}

/// The end of the ledger; `None` if it has no rows, or none that count.
fn end_of_ledger(rows: &impl Rows, id: UploadId, record: &UploadRow) -> Result<Option<End>, StoreError> {
    // The upload was created with all of its bytes, or is committed: what is left of the ledger is no longer
    // read.
    if record.end.offset > 0 || matches!(record.state, State::Committed(_)) {
        return Ok(None);
    }
    let Some((key, row)) = rows.end(&keys::ledger(id))? else {
        return Ok(None);
    };
    let row: ChunkRow = rows::decode("ledger", &row)?;
    let damaged = || StoreError::Damaged("ledger: an offset".into());
    let start = keys::number_at_end(&key).ok_or_else(damaged)?;
    let offset = start.checked_add(row.length).ok_or_else(damaged)?;
    Ok(Some(End { offset, active_at: row.at, digest: row.digest }))
}

fn end_of(upload: &Upload) -> End {
    End { offset: upload.offset, active_at: upload.active_at, digest: upload.digest.clone() }
}

/// The description of an upload: `Upload-Metadata`, and, if there is an `Upload-Concat`, that after a byte
/// that no header can contain.
fn describe(upload: &Upload) -> Cow<'_, str> {
    let (metadata, concat) = (upload.metadata.raw(), upload.concat.raw());
    if concat.is_empty() { metadata.into() } else { format!("{metadata}\0{concat}").into() }
}

fn parse(description: &str) -> Result<(Metadata, Concat), StoreError> {
    let (metadata, concat) = description.split_once('\0').unwrap_or((description, ""));
    Ok((Metadata::parse(metadata).map_err(|_| bad_description())?, parse_concat(concat)?))
}

fn parse_concat(concat: &str) -> Result<Concat, StoreError> {
    Concat::parse(concat).map_err(|_| bad_description())
}

fn parse_row(description: &[u8]) -> Result<(Metadata, Concat), StoreError> {
    parse(std::str::from_utf8(description).map_err(|_| bad_description())?)
}

fn bad_description() -> StoreError {
    StoreError::Damaged("metadata of an upload".into())
}
