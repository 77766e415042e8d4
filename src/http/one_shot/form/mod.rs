//! Events of a `multipart/form-data` body (RFC 7578), in the order in which they come, with a bound on
//! everything but the file.

mod stray;

pub(super) use stray::missing_file;

use std::time::Duration;

use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderValue};
use bytes::Bytes;
use multra::{Constraints, Field, Multipart, SizeLimit};

use super::body::{BodyFault, impatient};
use super::boundary::boundary;
use super::file_name::{Writer, file_name};
use crate::http::body;
use crate::http::error::{ApiError, Code};
use crate::message::MAX_CONTENT_BYTES;
use crate::uploads::UploadError;

/// The most bytes of a form besides the file: boundaries, headers, captions.
pub(super) const FORM_SLACK_BYTES: u64 = 1024 * 1024;
/// The most fields, known or not.
const MAX_FIELDS: usize = 32;
/// The most bytes of a field's headers: room for a long file name of three-byte characters.
const MAX_HEADER_BYTES: u64 = 16 * 1024;
/// The most bytes of a known field that is not the file.
const MAX_TEXT_BYTES: usize = MAX_CONTENT_BYTES;
/// The most bytes of an unknown field.
const MAX_UNKNOWN_BYTES: usize = 64 * 1024;

/// An event: the next piece of a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Event {
    /// The file begins.
    File(FileHead),
    /// More bytes of the file, never none.
    Bytes(Bytes),
    /// A whole text field.
    Text(TextField, String),
    /// A file in an unknown field of this name. Its bytes were skipped.
    Elsewhere(String),
}

/// The name and the type that the form gives the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FileHead {
    /// The file's name; browsers send an empty one if no file was chosen.
    pub(super) name: Option<String>,
    /// The file's declared type.
    pub(super) media_type: Option<String>,
}

/// The form's fields that are texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TextField {
    ConversationId,
    Content,
    ReplyTo,
    ClientMessageId,
}

impl TextField {
    /// The field's name on the wire.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::ConversationId => "conversation_id",
            Self::Content => "content",
            Self::ReplyTo => "reply_to",
            Self::ClientMessageId => "client_message_id",
        }
    }

    fn of(name: &str) -> Option<Self> {
        [Self::ConversationId, Self::Content, Self::ReplyTo, Self::ClientMessageId]
            .into_iter()
            .find(|field| field.name() == name)
    }
}

/// Reads a form, and keeps of it only what is needed to find the next boundary.
#[derive(Debug)]
pub(super) struct Form {
    multipart: Multipart<'static>,
    file: Option<Field<'static>>,
    had_file: bool,
}

impl Form {
    /// The form in a body whose file has at most `max_file_bytes`, with `idle` as its idle timeout.
    ///
    /// # Errors
    /// 400 if the body is no form.
    pub(super) fn open(
        headers: &HeaderMap,
        body: Body,
        max_file_bytes: u64,
        idle: Duration,
    ) -> Result<Self, ApiError> {
        let content_type = headers.get(CONTENT_TYPE).map_or(&[][..], HeaderValue::as_bytes);
        let boundary = boundary(content_type)
            .map_err(|error| ApiError::bad_request(Code::InvalidForm, error.to_string()))?;
        let limits = SizeLimit::new()
            .whole_stream(max_file_bytes.saturating_add(FORM_SLACK_BYTES))
            .headers(MAX_HEADER_BYTES);
        let constraints = Constraints::new().size_limit(limits).max_fields(MAX_FIELDS);
        let multipart = Multipart::with_constraints(impatient(body::data(body), idle), boundary, constraints);
        Ok(Self { multipart, file: None, had_file: false })
    }

    /// The next event; `None` after the closing boundary, without which a form is not whole.
    ///
    /// # Errors
    /// 400 if the form is malformed, broken off, or too large in a part of it; 408 if idle; 413 if too large.
    pub(super) async fn next(&mut self) -> Result<Option<Event>, ApiError> {
        while let Some(file) = &mut self.file {
            match file.chunk().await.map_err(refusal)? {
                Some(bytes) if bytes.is_empty() => {}
                Some(bytes) => return Ok(Some(Event::Bytes(bytes))),
                None => self.file = None,
            }
        }
        while let Some(field) = self.multipart.next_field().await.map_err(refusal)? {
            let name = field.name().unwrap_or_default();
            if name == "file" {
                let head = head(&field);
                self.file = Some(field);
                self.had_file = true;
                return Ok(Some(Event::File(head)));
            }
            if let Some(known) = TextField::of(name) {
                return Ok(Some(Event::Text(known, text(field, known).await?)));
            }
            if let Some(elsewhere) = pass_over(field, self.had_file).await? {
                return Ok(Some(Event::Elsewhere(elsewhere)));
            }
        }
        Ok(None)
    }
}

/// Reads an unknown field to its end, and answers its name if it has a file. Browsers send an empty name and
/// no bytes if no file was chosen.
async fn pass_over(field: Field<'_>, after_the_file: bool) -> Result<Option<String>, ApiError> {
    let name = field.name().unwrap_or_default().to_owned();
    let file_name = head(&field).name;
    let bytes = collect(field, MAX_UNKNOWN_BYTES).await?;
    let bytes = bytes
        .ok_or_else(|| stray::too_long(&name, file_name.is_some(), after_the_file, MAX_UNKNOWN_BYTES))?;
    let has_file = file_name.is_some_and(|file_name| !file_name.is_empty() || !bytes.is_empty());
    Ok(has_file.then_some(name))
}

fn head(field: &Field<'_>) -> FileHead {
    let writer = match field.headers().keys().next() {
        Some(&CONTENT_TYPE) => Writer::TypeFirst,
        _ => Writer::Other,
    };
    let disposition = field.headers().get(CONTENT_DISPOSITION);
    let name = disposition.and_then(|value| file_name(value.as_bytes(), writer));
    let media_type = field.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    FileHead { name, media_type: media_type.map(str::to_owned) }
}

async fn text(field: Field<'_>, known: TextField) -> Result<String, ApiError> {
    let name = known.name();
    let too_long = || format!("{name} is longer than {MAX_TEXT_BYTES} bytes");
    let bytes = collect(field, MAX_TEXT_BYTES).await?;
    let bytes = bytes.ok_or_else(|| ApiError::bad_request(Code::FieldTooLong, too_long()))?;
    String::from_utf8(bytes)
        .map_err(|_| ApiError::bad_request(Code::InvalidField, format!("{name} is not UTF-8")))
}

/// The whole field, or `None` if it has more than `limit` bytes.
async fn collect(mut field: Field<'_>, limit: usize) -> Result<Option<Vec<u8>>, ApiError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = field.chunk().await.map_err(refusal)? {
        if bytes.len() + chunk.len() > limit {
            return Ok(None);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(Some(bytes))
}

fn too_much() -> ApiError {
    ApiError::bad_request(Code::FormTooLarge, "The form has too many or too large fields")
}

/// The answer to a form that cannot be read. The parser's own words would quote what the client sent.
fn refusal(error: multra::Error) -> ApiError {
    match error {
        multra::Error::StreamReadFailed(cause) => match cause.downcast_ref() {
            Some(BodyFault::Idle) => UploadError::BodyIdle.into(),
            _ => UploadError::BodyBroken.into(),
        },
        multra::Error::StreamSizeExceeded { limit } => {
            UploadError::TooLarge(limit.saturating_sub(FORM_SLACK_BYTES)).into()
        }
        multra::Error::FieldCountExceeded { .. } | multra::Error::HeadersSizeExceeded { .. } => too_much(),
        _ => ApiError::bad_request(Code::InvalidForm, "Malformed multipart body"),
    }
}

#[cfg(test)]
mod tests;
