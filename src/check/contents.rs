//! Comparison of the records with the bytes, wherever those are kept.

use std::collections::HashSet;

use futures_util::TryStreamExt;

use super::stored::Stored;
use super::{Found, Report};
use crate::message::{Message, MessageId};
use crate::store::{Place, Source, StoreError};
use crate::upload::{RunningDigest, State, Upload, UploadId};

pub(super) async fn compare(
    stored: &Stored<'_>,
    found: &Found,
    deep: bool,
    report: &mut Report<'_>,
) -> Result<(), StoreError> {
    let parts: HashSet<UploadId> = stored.parts().await?.into_iter().collect();
    for upload in &found.uploads {
        if let Some(fault) = fault_of_upload(stored, upload, &parts, deep).await {
            report.wrong(fault);
        }
    }
    for message in &found.messages {
        if let Some(fault) = fault_of_message(stored, message, deep).await {
            report.wrong(fault);
        }
    }
    let needed: HashSet<UploadId> = found.uploads.iter().map(|upload| upload.id).collect();
    for id in parts.difference(&needed) {
        report.note(format!("part {id}: no record needs it; the next start frees it"));
    }
    Ok(())
}

/// The fault of an upload's bytes. Clients were told of what the ledger has; bytes beyond it do not count.
async fn fault_of_upload(
    stored: &Stored<'_>,
    upload: &Upload,
    parts: &HashSet<UploadId>,
    deep: bool,
) -> Option<String> {
    let (id, length) = (upload.id, upload.offset);
    let is_part = parts.contains(&id) || stored.is_carried(id);
    let source = match place_of(upload) {
        // A kill came after the file was moved and before the message was committed.
        Some(place) if !is_part => Source::Placed(place, id),
        _ => Source::Part(id),
    };
    if length == 0 {
        return None;
    }
    if !has_byte(stored, &source, length - 1).await {
        let what =
            if is_part { "is shorter than its ledger" } else { "is missing, and its ledger is not empty" };
        return Some(format!("part {id} {what}: {length} bytes were acknowledged"));
    }
    if !deep {
        return None;
    }
    let recorded = upload.digest.as_ref()?;
    match digest(stored, &source, length).await {
        Ok(digest) if digest.state() == *recorded => None,
        Ok(_) => Some(format!("part {id}: its first {length} bytes do not have the recorded digest")),
        Err(error) => Some(format!("part {id} cannot be read: {error}")),
    }
}

/// The place of the file of an upload that is finalizing.
pub(crate) fn place_of(upload: &Upload) -> Option<Place> {
    let State::Finalizing(stamp) = upload.state else { return None };
    upload.message(stamp).as_ref().map(Place::of)
}

async fn fault_of_message(stored: &Stored<'_>, message: &Message, deep: bool) -> Option<String> {
    let Message { id, stored_name, file_size: size, .. } = message;
    let source = Source::Placed(Place::of(message), message.upload_id.into());
    if let Err(error) = stored.read(&source, 0..0).await {
        return Some(format!("message {id}: its file `{stored_name}` is missing: {error}"));
    }
    if *size > 0 && !has_byte(stored, &source, size - 1).await {
        return Some(format!("message {id}: its file `{stored_name}` has fewer than {size} bytes"));
    }
    if has_byte(stored, &source, *size).await {
        return Some(format!("message {id}: its file `{stored_name}` has more than {size} bytes"));
    }
    if deep { fault_of_digest(stored, &source, *id, *size, message.sha256?).await } else { None }
}

async fn fault_of_digest(
    stored: &Stored<'_>,
    source: &Source,
    id: MessageId,
    size: u64,
    recorded: [u8; 32],
) -> Option<String> {
    match digest(stored, source, size).await {
        Ok(digest) if digest.state().finish() == Some(recorded) => None,
        Ok(_) => Some(format!("message {id}: its file does not have the recorded SHA-256")),
        Err(error) => Some(format!("message {id}: its file cannot be read: {error}")),
    }
}

async fn has_byte(stored: &Stored<'_>, source: &Source, at: u64) -> bool {
    let Ok(pieces) = stored.read(source, at..at + 1).await else { return false };
    let pieces: Result<Vec<_>, _> = pieces.try_collect().await;
    pieces.is_ok_and(|pieces| pieces.iter().map(bytes::Bytes::len).sum::<usize>() == 1)
}

async fn digest(stored: &Stored<'_>, source: &Source, length: u64) -> Result<RunningDigest, StoreError> {
    let mut running = RunningDigest::default();
    let mut pieces = stored.read(source, 0..length).await?;
    while let Some(piece) = pieces.try_next().await? {
        running.update(&piece);
    }
    Ok(running)
}
