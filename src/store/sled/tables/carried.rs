//! Bytes of files that the journal carries, and the places that those files went to. They are rows like
//! others, except that sled never gets them: when the journal's other rows go to sled, the files are synced.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use sled::IVec;

use super::super::engine::layered::{Layered, Rows};
use super::super::engine::outside::Outside;
use super::super::engine::view::View;
use super::keys::{self, Key};
use super::rows::{self, PlacedRow};
use super::uploads;
use crate::message::Message;
use crate::store::embedded::{Carried, Files, Placement};
use crate::store::{Place, StoreError};
use crate::upload::{State, UploadId};

/// Carries an upload's bytes that end at this offset.
pub(crate) fn put(view: &mut View<'_>, id: UploadId, end: u64, bytes: Vec<Bytes>) {
    let row = match &bytes[..] {
        [] => return,
        [one] => IVec::from(&**one),
        several => IVec::from(several.concat()),
    };
    let length = u64::try_from(row.len()).expect("a length fits");
    view.carry(keys::carried(id, end.saturating_sub(length)), row);
}

/// Carries the place that the file of a message went to.
pub(crate) fn place(view: &mut View<'_>, message: &Message) {
    let row =
        PlacedRow { message: message.id, file_name: message.stored_name.clone(), length: message.file_size };
    view.carry(keys::placed(message.upload_id.into()), rows::encode(&row));
}

/// The files that the journal carries bytes of, as the engine sees them.
pub(crate) struct CarriedFiles(pub(crate) Arc<dyn Files>);

impl Outside for CarriedFiles {
    fn settle(&self, keys: &[&Key]) -> Result<(), StoreError> {
        let mut uploads: Vec<_> = keys.iter().filter_map(|key| keys::upload_of_journal(key)).collect();
        uploads.sort_unstable();
        uploads.dedup();
        self.0.settle(&uploads)
    }

    fn restore(&self, rows: &Layered<'_>) -> Result<(), StoreError> {
        self.0.restore(&all(rows)?)
    }
}

/// Everything that is carried and still needed.
pub(crate) fn all(stored: &Layered<'_>) -> Result<Vec<Carried>, StoreError> {
    let mut found: BTreeMap<UploadId, Carried> = BTreeMap::new();
    for row in stored.rows(keys::every_carried()..keys::end_of(&keys::every_placed())) {
        let (key, row) = row?;
        let Some(id) = keys::upload_of_journal(&key) else { continue };
        let carried = found.entry(id).or_insert_with(|| Carried { id, pieces: Vec::new(), place: None });
        if key == keys::placed(id) {
            carried.place = Some(committed(&row)?);
        } else if let Some(offset) = keys::number_at_end(&key) {
            carried.pieces.push((offset, Bytes::copy_from_slice(&row)));
        }
    }
    found.into_values().filter_map(|carried| needed(stored, carried).transpose()).collect()
}

fn committed(row: &[u8]) -> Result<Placement, StoreError> {
    let PlacedRow { message, file_name, length } = rows::decode("placed", row)?;
    Ok(Placement { place: Place { message, file_name }, length, is_committed: true })
}

/// The carried bytes, with the place that the file is moved to, if it is; `None` if neither a message nor a
/// record needs them.
fn needed(stored: &impl Rows, carried: Carried) -> Result<Option<Carried>, StoreError> {
    if carried.place.is_some() {
        return Ok(Some(carried));
    }
    let upload = uploads::find(stored, carried.id)?.map(|stored| stored.upload);
    let Some(upload) = upload.filter(|upload| upload.state.needs_bytes()) else { return Ok(None) };
    let message = match upload.state {
        State::Finalizing(stamp) => upload.message(stamp),
        _ => None,
    };
    let place = message.map(|message| Placement {
        place: Place::of(&message),
        length: upload.offset,
        is_committed: false,
    });
    Ok(Some(Carried { place, ..carried }))
}
