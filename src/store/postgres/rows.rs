//! Uploads and messages as rows.
//!
//! What statements ask for has a column; the rest is JSON, to which a later version may add what an older one
//! passes over.

use std::borrow::Cow;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio_postgres::Row;
use tokio_postgres::types::FromSql;
use uuid::Uuid;

use crate::message::{ClientMessageId, ConversationId, Message, MessageId, MessageKind, Stamp};
use crate::store::StoreError;
use crate::time::Timestamp;
use crate::upload::{
    Binding, Concat, DigestState, Epoch, Length, Metadata, Rejection, RejectionReason, State, Upload,
    UploadId,
};

/// The columns of an upload.
pub(super) const UPLOAD: &str = "u.id, u.owner, u.state, u.record, u.length, u.off, u.digest, u.epoch, \
     u.conversation, u.client_message_id, u.message_id, u.stamp, u.rejection, u.created_at, u.active_at, \
     u.is_used";
/// The columns of a message.
pub(super) const MESSAGE: &str = "m.id, m.conversation, m.sender, m.upload, m.body";

/// The numbers of states, which statements and indexes name.
pub(in crate::store) mod state {
    pub(crate) const RECEIVING: i16 = 0;
    pub(crate) const COMPLETE: i16 = 1;
    pub(crate) const FINALIZING: i16 = 2;
    pub(crate) const COMMITTED: i16 = 3;
    pub(crate) const REJECTED: i16 = 4;
    pub(crate) const EXPIRED: i16 = 5;
}

/// The part of an upload that no statement asks for.
#[derive(Serialize, Deserialize)]
struct Record<'a> {
    metadata: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "str::is_empty")]
    concat: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    content: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reply_to: Option<String>,
}

/// The part of a message that no statement asks for.
#[derive(Serialize, Deserialize)]
struct Body<'a> {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    content: Option<Cow<'a, str>>,
    kind: MessageKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reply_to: Option<String>,
    created_at: Timestamp,
    file_name: Cow<'a, str>,
    stored_name: Cow<'a, str>,
    file_size: u64,
    mime_type: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    client_message_id: Option<Cow<'a, str>>,
}

/// The state of an upload as columns.
#[derive(Default)]
pub(super) struct StateColumns {
    pub(super) state: i16,
    pub(super) message_id: Option<Vec<u8>>,
    pub(super) stamp: Option<i64>,
    pub(super) rejection: Option<String>,
}

/// A time as a column.
pub(in crate::store) fn time(at: Timestamp) -> i64 {
    at.millis().cast_signed()
}

/// The digest as a column.
pub(in crate::store) fn digest(digest: Option<&DigestState>) -> Option<Vec<u8>> {
    digest.map(|digest| postcard::to_stdvec(digest).expect("a state is bytes"))
}

/// The record as a column.
pub(super) fn record(upload: &Upload) -> Vec<u8> {
    let binding = upload.binding.as_ref();
    json(&Record {
        metadata: upload.metadata.raw().into(),
        concat: upload.concat.raw().into(),
        content: binding.and_then(|binding| binding.content.as_deref()).map(Cow::from),
        reply_to: binding.and_then(|binding| binding.reply_to).map(|id| id.to_string()),
    })
}

/// The body of a message as a column.
pub(super) fn body(message: &Message) -> Vec<u8> {
    json(&Body {
        content: message.content.as_deref().map(Cow::from),
        kind: message.kind,
        reply_to: message.reply_to.map(|id| id.to_string()),
        created_at: message.created_at,
        file_name: (&*message.file_name).into(),
        stored_name: (&*message.stored_name).into(),
        file_size: message.file_size,
        mime_type: (&*message.mime_type).into(),
        sha256: message.sha256.map(|sum| data_encoding::HEXLOWER.encode(&sum)),
        client_message_id: message.client_message_id.as_ref().map(|id| id.as_str().into()),
    })
}

/// The state as columns.
pub(super) fn state_columns(state: &State) -> StateColumns {
    let of = |state| StateColumns { state, ..StateColumns::default() };
    match state {
        State::Receiving => of(state::RECEIVING),
        State::Complete => of(state::COMPLETE),
        State::Finalizing(stamp) => StateColumns {
            message_id: Some(stamp.id.as_bytes().to_vec()),
            stamp: Some(time(stamp.at)),
            ..of(state::FINALIZING)
        },
        State::Committed(id) => {
            StateColumns { message_id: Some(id.as_bytes().to_vec()), ..of(state::COMMITTED) }
        }
        State::Rejected(rejection) => StateColumns {
            rejection: Some(serde_json::to_string(&rejection.reason).expect("a reason has a name")),
            ..of(state::REJECTED)
        },
        State::Expired => of(state::EXPIRED),
    }
}

/// The upload of a row with the columns [`UPLOAD`].
pub(super) fn upload(row: &Row) -> Result<Upload, StoreError> {
    let record: Vec<u8> = column(row, "record")?;
    let record: Record<'_> = parsed("record of an upload", &record)?;
    let digest: Option<Vec<u8>> = column(row, "digest")?;
    let digest = digest.map(|digest| postcard::from_bytes(&digest)).transpose();
    Ok(Upload {
        id: UploadId::from(column::<Uuid>(row, "id")?),
        owner: text(row, "owner")?,
        length: column::<Option<i64>>(row, "length")?
            .map_or(Length::Deferred, |length| Length::Known(length.cast_unsigned())),
        metadata: Metadata::parse(&record.metadata).map_err(|error| damaged("metadata", &error))?,
        concat: Concat::parse(&record.concat).map_err(|error| damaged("concat", &error))?,
        binding: binding(row, record.content, record.reply_to)?,
        state: stored_state(row)?,
        created_at: timestamp(row, "created_at")?,
        offset: column::<i64>(row, "off")?.cast_unsigned(),
        active_at: timestamp(row, "active_at")?,
        digest: digest.map_err(|error| damaged("digest", &error))?,
        epoch: epoch(row)?,
    })
}

/// The message of a row with the columns [`MESSAGE`].
pub(in crate::store) fn message(row: &Row) -> Result<Message, StoreError> {
    let body: Vec<u8> = column(row, "body")?;
    let body: Body<'_> = parsed("body of a message", &body)?;
    let sha256 = body.sha256.map(|sum| data_encoding::HEXLOWER.decode(sum.as_bytes())).transpose();
    let sha256 = sha256.map_err(|error| damaged("sha256", &error))?.map(<[u8; 32]>::try_from).transpose();
    let client_message_id = body.client_message_id.map(|id| id.parse::<ClientMessageId>()).transpose();
    Ok(Message {
        id: MessageId::from_bytes(twelve(row, "id")?),
        conversation_id: ConversationId::from_bytes(twelve(row, "conversation")?),
        sender: text(row, "sender")?,
        content: body.content.map(Cow::into_owned),
        kind: body.kind,
        reply_to: message_id(body.reply_to)?,
        created_at: body.created_at,
        file_name: body.file_name.into_owned(),
        stored_name: body.stored_name.into_owned(),
        file_size: body.file_size,
        mime_type: body.mime_type.into_owned(),
        sha256: sha256.map_err(|_| damaged("sha256", &"its length"))?,
        client_message_id: client_message_id.map_err(|error| damaged("client_message_id", &error))?,
        upload_id: column(row, "upload")?,
    })
}

/// The epoch of a row.
pub(in crate::store) fn epoch(row: &Row) -> Result<Epoch, StoreError> {
    Ok(Epoch::new(column::<i64>(row, "epoch")?.cast_unsigned()))
}

/// The ids of uploads in a column `id`.
pub(in crate::store) fn ids(rows: &[Row]) -> Result<Vec<UploadId>, StoreError> {
    rows.iter().map(|row| Ok(column::<Uuid>(row, "id")?.into())).collect()
}

/// The value of a column.
pub(in crate::store) fn column<'a, T: FromSql<'a>>(row: &'a Row, name: &str) -> Result<T, StoreError> {
    row.try_get(name).map_err(|error| damaged(name, &error))
}

/// A value that is stored as text.
pub(super) fn text<T: std::str::FromStr>(row: &Row, name: &str) -> Result<T, StoreError> {
    column::<&str>(row, name)?.parse().map_err(|_| damaged(name, &"no such value"))
}

/// A time in a column.
pub(super) fn timestamp(row: &Row, name: &str) -> Result<Timestamp, StoreError> {
    Ok(Timestamp::from_millis(column::<i64>(row, name)?.cast_unsigned()))
}

/// Twelve bytes in a column.
pub(in crate::store) fn twelve(row: &Row, name: &str) -> Result<[u8; 12], StoreError> {
    column::<&[u8]>(row, name)?.try_into().map_err(|_| damaged(name, &"its length"))
}

/// Twelve bytes in a column, if it is not null.
pub(super) fn maybe_twelve(row: &Row, name: &str) -> Result<Option<[u8; 12]>, StoreError> {
    let bytes = column::<Option<&[u8]>>(row, name)?;
    bytes.map(<[u8; 12]>::try_from).transpose().map_err(|_| damaged(name, &"its length"))
}

fn binding(
    row: &Row,
    content: Option<Cow<'_, str>>,
    reply_to: Option<String>,
) -> Result<Option<Binding>, StoreError> {
    let Some(conversation) = maybe_twelve(row, "conversation")? else { return Ok(None) };
    let client_message_id = column::<Option<&str>>(row, "client_message_id")?.map(str::parse).transpose();
    Ok(Some(Binding {
        conversation_id: ConversationId::from_bytes(conversation),
        content: content.map(Cow::into_owned),
        reply_to: message_id(reply_to)?,
        client_message_id: client_message_id.map_err(|_| damaged("client_message_id", &"no such value"))?,
    }))
}

fn stored_state(row: &Row) -> Result<State, StoreError> {
    let message = || twelve(row, "message_id").map(MessageId::from_bytes);
    Ok(match column::<i16>(row, "state")? {
        state::RECEIVING => State::Receiving,
        state::COMPLETE => State::Complete,
        state::FINALIZING => State::Finalizing(Stamp { id: message()?, at: timestamp(row, "stamp")? }),
        state::COMMITTED => State::Committed(message()?),
        state::REJECTED => {
            let reason: RejectionReason = parsed("rejection", column::<&str>(row, "rejection")?.as_bytes())?;
            State::Rejected(Rejection { reason })
        }
        state::EXPIRED => State::Expired,
        other => return Err(damaged("state", &other)),
    })
}

fn message_id(text: Option<String>) -> Result<Option<MessageId>, StoreError> {
    text.map(|text| text.parse()).transpose().map_err(|error| damaged("reply_to", &error))
}

fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("rows are made of what JSON can say")
}

fn parsed<T: DeserializeOwned>(what: &str, bytes: &[u8]) -> Result<T, StoreError> {
    serde_json::from_slice(bytes).map_err(|error| damaged(what, &error))
}

fn damaged(what: &str, why: &dyn std::fmt::Display) -> StoreError {
    StoreError::Damaged(format!("{what}: {why}"))
}
