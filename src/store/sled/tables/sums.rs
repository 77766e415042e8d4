//! The sums over unfinished uploads: a row for each owner who has any, and one for what all of them lack.
//! They change in the operations that change the records. All operations of a group change the same few rows.

use super::super::engine::layered::Rows;
use super::super::engine::view::View;
use super::{keys, rows};
use crate::message::UserId;
use crate::store::StoreError;
use crate::upload::{Concat, Held, Upload, UploadId, Weight};

/// The sums over the owner's unfinished uploads.
pub(crate) fn held(rows: &impl Rows, owner: &UserId) -> Result<Held, StoreError> {
    let row = rows.get(&keys::held(owner))?.map(|row| rows::decode("held", &row)).transpose()?;
    Ok(row.unwrap_or_default())
}

/// The bytes that all unfinished uploads lack; `None` in a folder from before there were sums.
pub(crate) fn missing(rows: &impl Rows) -> Result<Option<u128>, StoreError> {
    rows.get(&keys::missing())?.map(|row| rows::decode("missing", &row)).transpose()
}

/// The weight of an upload, as it counts: a part that another upload was made of has none.
pub(crate) fn weight(rows: &impl Rows, upload: &Upload) -> Result<Weight, StoreError> {
    Ok(if is_used(rows, upload.id, &upload.concat)? { Weight::NONE } else { upload.weight() })
}

/// Changes the sums by a change of an upload's weight, if it counts.
pub(crate) fn change(
    view: &mut View<'_>,
    id: UploadId,
    owner: &UserId,
    concat: &Concat,
    [before, after]: [Weight; 2],
) -> Result<(), StoreError> {
    if before == after || is_used(view, id, concat)? {
        return Ok(());
    }
    if before.held != after.held {
        let held = held(view, owner)?.changed(before.held, after.held);
        put_held(view, owner, held)?;
    }
    if before.missing != after.missing {
        let missing = missing(view)?.unwrap_or_default();
        put_missing(view, missing.saturating_add(after.missing).saturating_sub(before.missing))?;
    }
    Ok(())
}

/// Sets the sums of an owner.
pub(crate) fn put_held(view: &mut View<'_>, owner: &UserId, held: Held) -> Result<(), StoreError> {
    let key = keys::held(owner);
    if held == Held::default() {
        view.delete(key);
        return Ok(());
    }
    view.put(key, rows::encode(&held))
}

/// Sets the bytes that all unfinished uploads lack.
pub(crate) fn put_missing(view: &mut View<'_>, missing: u128) -> Result<(), StoreError> {
    view.put(keys::missing(), rows::encode(&missing))
}

fn is_used(rows: &impl Rows, id: UploadId, concat: &Concat) -> Result<bool, StoreError> {
    Ok(*concat == Concat::Partial && rows.get(&keys::used(id))?.is_some())
}
