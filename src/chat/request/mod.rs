//! The request in a `send_message` event, parsed from what a client sent.

mod arguments;

use std::borrow::Cow;

use bytes::Bytes;

use self::arguments::{Arguments, Fields};
use super::base64::Base64;
use super::field::Field;
use crate::http::error::Code;
use crate::json::whole_characters;
use crate::message::{ClientMessageId, ConversationId, InvalidClientMessageId, MediaType};
use crate::upload::{Binding, BindingError, Metadata, content_of, reply_to_of};

/// The most bytes of a file name. It is stored in the upload's record, which has to stay small.
const MAX_FILE_NAME_BYTES: usize = 1024;

/// A parsed payload.
#[derive(Debug)]
pub(super) struct Reading {
    /// The client's id of the message, given back with a failure so that the sender knows which message
    /// failed.
    pub(super) client_message_id: Option<ClientMessageId>,
    /// The request in the payload.
    pub(super) request: Result<Request, PayloadError>,
}

/// The conversation that a message is for, which is judged before the message itself.
#[derive(Debug)]
pub(super) struct Request {
    /// The conversation.
    pub(super) conversation_id: ConversationId,
    /// The message.
    pub(super) item: Result<Item, PayloadError>,
}

/// The message to be made.
#[derive(Debug)]
pub(super) struct Item {
    /// The conversation, the text, the reply and the client's id.
    pub(super) binding: Binding,
    /// The file's name and declared type.
    pub(super) metadata: Metadata,
    /// The file.
    pub(super) data: Base64,
}

/// The reason why a payload is not a message. The texts are for clients.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum PayloadError {
    /// The payload is not exactly one object.
    #[error("Invalid payload")]
    Shape,
    /// The event is longer than its kind may be.
    #[error("The payload is longer than {0} bytes")]
    TooLong(usize),
    /// A field is given more than once.
    #[error("{0} is given twice")]
    Twice(&'static str),
    /// The field is no text, or none of the known ones.
    #[error("Invalid {0}")]
    Value(&'static str),
    /// The file name is longer than may be stored.
    #[error("file_name is longer than {MAX_FILE_NAME_BYTES} bytes")]
    FileNameTooLong,
    /// The file is missing. This server has no messages without one.
    #[error("Missing file_data")]
    MissingFileData,
    /// The file is a data URL that is not in base64.
    #[error("file_data is a data URL without base64")]
    DataUrl,
    /// A value breaks the rule that holds on every way in.
    #[error(transparent)]
    Binding(#[from] BindingError),
    /// The `client_message_id` breaks its rule.
    #[error(transparent)]
    ClientMessageId(#[from] InvalidClientMessageId),
}

impl PayloadError {
    /// The error's code, for programs.
    pub(super) fn code(&self) -> Code {
        match self {
            Self::Shape => Code::InvalidPayload,
            Self::TooLong(_) => Code::PayloadTooLong,
            Self::Twice(_) => Code::RepeatedField,
            Self::Value(_) => Code::InvalidField,
            Self::FileNameTooLong => Code::FileNameTooLong,
            Self::MissingFileData => Code::MissingFile,
            Self::DataUrl => Code::InvalidFile,
            Self::Binding(error) => error.into(),
            Self::ClientMessageId(_) => Code::InvalidClientMessageId,
        }
    }
}

impl Reading {
    /// Reads an event's arguments, `["send_message",{…}]`. The file is not copied, unless its text has
    /// escapes.
    pub(super) fn of(event: &Bytes) -> Self {
        let event = whole_characters(event.clone());
        let Ok(Arguments { fields, is_one_object }) = serde_json::from_slice(&event) else {
            return Self { client_message_id: None, request: Err(PayloadError::Shape) };
        };
        let client_message_id = client_message_id(&fields.client_message_id);
        let known = client_message_id.clone().unwrap_or(None);
        let request = match fields.twice {
            _ if !is_one_object => Err(PayloadError::Shape),
            Some(field) => Err(PayloadError::Twice(field)),
            None => conversation_id(&fields.conversation_id).map(|conversation_id| Request {
                conversation_id,
                item: client_message_id.and_then(|id| item(conversation_id, id, fields, &event)),
            }),
        };
        Self { client_message_id: known, request }
    }
}

/// The conversation that `join_conversation` and `leave_conversation` name.
///
/// # Errors
/// [`PayloadError`], if the payload is not one object with a `conversation_id`.
pub(super) fn conversation_of(event: &Bytes) -> Result<ConversationId, PayloadError> {
    let event = whole_characters(event.clone());
    let Arguments { fields, is_one_object } =
        serde_json::from_slice(&event).map_err(|_| PayloadError::Shape)?;
    match fields.twice {
        _ if !is_one_object => Err(PayloadError::Shape),
        Some(field) => Err(PayloadError::Twice(field)),
        None => conversation_id(&fields.conversation_id),
    }
}

fn item(
    conversation_id: ConversationId,
    client_message_id: Option<ClientMessageId>,
    fields: Fields<'_>,
    event: &Bytes,
) -> Result<Item, PayloadError> {
    let content = content_of(text(&fields.content, "content")?)?;
    let reply_to = reply_to_of(text(&fields.reply_to, "reply_to")?)?;
    check_kind(&fields.kind)?;
    let name = file_name(&fields.file_name)?;
    let (declared, data) = file(file_data(fields.file_data, event)?)?;
    let pairs = [("filename", name), ("filetype", declared.as_ref().map(MediaType::essence))];
    Ok(Item {
        binding: Binding { conversation_id, content, reply_to, client_message_id },
        metadata: Metadata::of(pairs.into_iter().filter_map(|(key, value)| Some((key, value?)))),
        data,
    })
}

fn text<'a>(field: &'a Field<'_>, key: &'static str) -> Result<Option<&'a str>, PayloadError> {
    match field {
        Field::Absent => Ok(None),
        Field::Text(text) => Ok(Some(text)),
        Field::Other => Err(PayloadError::Value(key)),
    }
}

fn conversation_id(field: &Field<'_>) -> Result<ConversationId, PayloadError> {
    let Field::Text(text) = field else {
        return Err(BindingError::ConversationId.into());
    };
    text.parse().map_err(|_| BindingError::ConversationId.into())
}

fn client_message_id(field: &Field<'_>) -> Result<Option<ClientMessageId>, PayloadError> {
    match field {
        Field::Absent => Ok(None),
        Field::Text(text) => Ok(ClientMessageId::given(text)?),
        Field::Other => Err(InvalidClientMessageId.into()),
    }
}

/// Checks that `type` is a type. The message's own type comes from the file.
fn check_kind(field: &Field<'_>) -> Result<(), PayloadError> {
    match text(field, "type")? {
        None | Some("image" | "video" | "file") => Ok(()),
        Some(_) => Err(PayloadError::Value("type")),
    }
}

fn file_name<'a>(field: &'a Field<'_>) -> Result<Option<&'a str>, PayloadError> {
    let name = text(field, "file_name")?;
    match name {
        Some(name) if name.len() > MAX_FILE_NAME_BYTES => Err(PayloadError::FileNameTooLong),
        name => Ok(name),
    }
}

/// The text of `file_data`, as a part of its event unless it has escapes.
fn file_data(field: Field<'_>, event: &Bytes) -> Result<Bytes, PayloadError> {
    match field {
        Field::Absent => Err(PayloadError::MissingFileData),
        Field::Text(Cow::Borrowed(text)) => Ok(event.slice_ref(text.as_bytes())),
        Field::Text(Cow::Owned(text)) => Ok(Bytes::from(text)),
        Field::Other => Err(PayloadError::Value("file_data")),
    }
}

/// The declared type and the base64 of a data URL (RFC 2397), or of bare base64, which declares no type. An
/// empty file is written as `data:` by some browsers, and with type and encoding by others.
fn file(text: Bytes) -> Result<(Option<MediaType>, Base64), PayloadError> {
    const SCHEME: &[u8] = b"data:";
    let text = text.slice_ref(text.trim_ascii());
    if !text.get(..SCHEME.len()).is_some_and(|start| start.eq_ignore_ascii_case(SCHEME)) {
        return Ok((None, Base64::new(&text)));
    }
    let (head, data) = match text.iter().position(|b| *b == b',') {
        Some(comma) => (&text[SCHEME.len()..comma], text.slice(comma + 1..)),
        // Without a comma there is no data. That is a file, an empty one, only if nothing else is there
        // either.
        None if text.len() == SCHEME.len() => (&[][..], Bytes::new()),
        None => return Err(PayloadError::DataUrl),
    };
    let head = std::str::from_utf8(head).map_err(|_| PayloadError::DataUrl)?;
    match head.rsplit_once(';') {
        Some((media_type, encoding)) if encoding.trim().eq_ignore_ascii_case("base64") => {
            Ok((media_type.parse().ok(), Base64::new(&data)))
        }
        _ if data.is_empty() => Ok((head.parse().ok(), Base64::new(&data))),
        _ => Err(PayloadError::DataUrl),
    }
}

#[cfg(test)]
mod tests;
