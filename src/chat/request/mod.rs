//! What `send_message` asks for, read from what a client sent.

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

/// The most bytes of a file's name. It is stored with the upload, whose record has to stay small.
const MAX_FILE_NAME_BYTES: usize = 1024;

/// A payload, read.
#[derive(Debug)]
pub(super) struct Reading {
    /// Given back with a failure, so that the sender knows which of its messages failed.
    pub(super) client_message_id: Option<ClientMessageId>,
    /// What is asked for.
    pub(super) request: Result<Request, PayloadError>,
}

/// Whom a message is for, which is judged before anything that it says.
#[derive(Debug)]
pub(super) struct Request {
    /// The conversation.
    pub(super) conversation_id: ConversationId,
    /// The message.
    pub(super) item: Result<Item, PayloadError>,
}

/// The message that is to be made.
#[derive(Debug)]
pub(super) struct Item {
    /// The words that go with the file.
    pub(super) binding: Binding,
    /// The file's name and declared type.
    pub(super) metadata: Metadata,
    /// The file.
    pub(super) data: Base64,
}

/// Why a payload is not a message. The texts are for clients.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum PayloadError {
    /// Not one object.
    #[error("Invalid payload")]
    Shape,
    /// An event that says little in many bytes.
    #[error("The payload is longer than {0} bytes")]
    TooLong(usize),
    /// A key that is there more than once.
    #[error("{0} is given twice")]
    Twice(&'static str),
    /// No text, or none of the known ones, under this key.
    #[error("Invalid {0}")]
    Value(&'static str),
    /// A longer name than is stored.
    #[error("file_name is longer than {MAX_FILE_NAME_BYTES} bytes")]
    FileNameTooLong,
    /// No file. This server knows no messages without one.
    #[error("Missing file_data")]
    MissingFileData,
    /// A data URL that is not in base64.
    #[error("file_data is a data URL without base64")]
    DataUrl,
    /// A value against the rule that holds on every way in.
    #[error(transparent)]
    Binding(#[from] BindingError),
    /// A `client_message_id` against its rule.
    #[error(transparent)]
    ClientMessageId(#[from] InvalidClientMessageId),
}

impl PayloadError {
    /// What it is, for programs.
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
    /// Reads an event's arguments, `["send_message",{…}]`. The file is not copied, unless it has escapes.
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
/// [`PayloadError`]; another payload than an object with a `conversation_id` names none.
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

/// The message's type comes from the file; what the client says about it only has to be a type.
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

/// The text of `file_data` as a part of the event that it came in.
fn file_data(field: Field<'_>, event: &Bytes) -> Result<Bytes, PayloadError> {
    match field {
        Field::Absent => Err(PayloadError::MissingFileData),
        Field::Text(Cow::Borrowed(text)) => Ok(event.slice_ref(text.as_bytes())),
        Field::Text(Cow::Owned(text)) => Ok(Bytes::from(text)),
        Field::Other => Err(PayloadError::Value("file_data")),
    }
}

/// Declared type and base64 of a data URL (RFC 2397), or of bare base64, which declares nothing. A file of no bytes
/// is written as `data:` by some browsers, and with every type and encoding by the others.
fn file(text: Bytes) -> Result<(Option<MediaType>, Base64), PayloadError> {
    const SCHEME: &[u8] = b"data:";
    let text = text.slice_ref(text.trim_ascii());
    if !text.get(..SCHEME.len()).is_some_and(|start| start.eq_ignore_ascii_case(SCHEME)) {
        return Ok((None, Base64::new(&text)));
    }
    let (head, data) = match text.iter().position(|b| *b == b',') {
        Some(comma) => (&text[SCHEME.len()..comma], text.slice(comma + 1..)),
        // Without a comma there is no data, which is a file only if nothing at all is there.
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
