//! The senders' own ids of messages, each with its holder.

use tokio_postgres::Row;
use uuid::Uuid;

use super::change::Tx;
use super::fault::Fault;
use super::rows;
use crate::message::MessageId;
use crate::store::{StoreError, Taking};
use crate::upload::{Upload, UploadId};

/// The upload that holds an id, and its message once that is claimed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Holder {
    pub(super) upload: UploadId,
    pub(super) message: Option<MessageId>,
}

impl Holder {
    /// The holder in the columns `holder` and `holder_message`.
    pub(super) fn of(row: &Row) -> Result<Option<Self>, StoreError> {
        let Some(upload) = rows::column::<Option<Uuid>>(row, "holder")? else { return Ok(None) };
        let message = rows::maybe_twelve(row, "holder_message")?.map(MessageId::from_bytes);
        Ok(Some(Self { upload: upload.into(), message }))
    }

    /// Whether this holder keeps the id from an upload that wants it.
    pub(super) fn keeps(&self, upload: &Upload, taking: Taking) -> bool {
        let is_kept = match taking {
            Taking::IfFree => true,
            Taking::Overtake => self.message.is_some(),
            Taking::Beside => false,
        };
        self.upload != upload.id && is_kept
    }
}

/// Takes the id for an upload from which no other one keeps it.
pub(super) async fn take(
    tx: &Tx,
    upload: &Upload,
    holder: Option<Holder>,
    taking: Taking,
) -> Result<(), Fault> {
    let is_free = holder.is_none_or(|holder| holder.upload != upload.id && taking == Taking::Overtake);
    if is_free { hold(tx, upload, holder, None).await } else { Ok(()) }
}

/// Makes the upload, or its message, the holder of its id. It is inserted if no holder was seen, which fails
/// if there is one by now.
pub(super) async fn hold(
    tx: &Tx,
    upload: &Upload,
    holder: Option<Holder>,
    message: Option<MessageId>,
) -> Result<(), Fault> {
    let Some((conversation, client)) = key(upload) else { return Ok(()) };
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
    let message = message.as_ref().map(|id| id.as_bytes().as_slice());
    tx.execute(sql, &[&upload.owner.as_str(), &conversation, &client, &upload.id.uuid(), &message]).await?;
    Ok(())
}

/// Makes the upload the holder of its id instead of the message that it claimed.
pub(super) async fn take_back(tx: &Tx, upload: &Upload) -> Result<(), Fault> {
    let Some((conversation, client)) = key(upload) else { return Ok(()) };
    let sql = "update client_ids set message_id = null
        where sender = $1 and conversation = $2 and client_message_id = $3 and upload = $4";
    tx.execute(sql, &[&upload.owner.as_str(), &conversation, &client, &upload.id.uuid()]).await?;
    Ok(())
}

/// Frees the upload's id, unless another upload or a message holds it. The holder need not have been seen:
/// this statement has a snapshot of its own.
pub(super) async fn release(tx: &Tx, upload: &Upload) -> Result<(), Fault> {
    let Some((conversation, client)) = key(upload) else { return Ok(()) };
    let sql = "delete from client_ids where sender = $1 and conversation = $2 and client_message_id = $3
        and upload = $4 and message_id is null";
    tx.execute(sql, &[&upload.owner.as_str(), &conversation, &client, &upload.id.uuid()]).await?;
    Ok(())
}

/// The id of the upload within those of its sender: the conversation, and what the client chose.
pub(super) fn key(upload: &Upload) -> Option<(&[u8], &str)> {
    let binding = upload.binding.as_ref()?;
    Some((binding.conversation_id.as_bytes(), binding.client_message_id.as_ref()?.as_str()))
}
