//! The holders of `client_message_id`s.

use super::super::engine::layered::Rows;
use super::super::engine::view::View;
use super::keys::{self, Key};
use super::rows::{self, ClaimRow};
use crate::message::MessageId;
use crate::store::{StoreError, Taking};
use crate::upload::{Upload, UploadId};

/// The holder of the upload's `client_message_id`.
pub(crate) fn holder(rows: &impl Rows, upload: &Upload) -> Result<Option<ClaimRow>, StoreError> {
    let Some(key) = key(upload) else { return Ok(None) };
    rows.get(&key)?.map(|row| rows::decode("claim", &row)).transpose()
}

/// Takes the id for the upload, or answers which upload keeps it.
pub(crate) fn take(
    view: &mut View<'_>,
    upload: &Upload,
    taking: Taking,
) -> Result<Option<UploadId>, StoreError> {
    match holder(view, upload)? {
        Some(holder) if holder.upload == upload.id => Ok(None),
        Some(_) if taking == Taking::Beside => Ok(None),
        Some(holder) if holder.message.is_some() || taking != Taking::Overtake => Ok(Some(holder.upload)),
        Some(_) | None => set(view, upload, None).map(|()| None),
    }
}

/// Makes the message the holder of the upload's id.
pub(crate) fn claim(view: &mut View<'_>, upload: &Upload, message: MessageId) -> Result<(), StoreError> {
    set(view, upload, Some(message))
}

/// Makes the upload the holder of its id instead of the message that it claimed.
pub(crate) fn take_back(view: &mut View<'_>, upload: &Upload) -> Result<(), StoreError> {
    let is_own = holder(view, upload)?.is_some_and(|holder| holder.upload == upload.id);
    if is_own { set(view, upload, None) } else { Ok(()) }
}

/// Frees the upload's id, unless another upload or a message holds it.
pub(crate) fn release(view: &mut View<'_>, upload: &Upload) -> Result<(), StoreError> {
    let own = ClaimRow { upload: upload.id, message: None };
    if let Some(key) = key(upload)
        && holder(view, upload)? == Some(own)
    {
        view.delete(key);
    }
    Ok(())
}

fn set(view: &mut View<'_>, upload: &Upload, message: Option<MessageId>) -> Result<(), StoreError> {
    let Some(key) = key(upload) else { return Ok(()) };
    view.put(key, rows::encode(&ClaimRow { upload: upload.id, message }))
}

fn key(upload: &Upload) -> Option<Key> {
    let binding = upload.binding.as_ref()?;
    Some(keys::claim(binding.conversation_id, &upload.owner, binding.client_message_id.as_ref()?))
}
