//! The binding of an upload to the message that it is to become.

use serde::{Deserialize, Serialize};

use super::metadata::{Metadata, MetadataError};
use crate::message::{ClientMessageId, ConversationId, MAX_CONTENT_BYTES, MessageId};

/// The conversation of a message, and the words that go with its file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    /// The message's conversation.
    pub conversation_id: ConversationId,
    /// The message's caption.
    pub content: Option<String>,
    /// The message that this one answers.
    pub reply_to: Option<MessageId>,
    /// The sender's own id of the message.
    pub client_message_id: Option<ClientMessageId>,
}

/// The reason why a request does not say which message is to be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BindingError {
    /// The `conversation_id` is not 24 hexadecimal digits.
    #[error("Invalid conversation_id")]
    ConversationId,
    /// The path and the metadata name different conversations.
    #[error("conversation_id in the path and in Upload-Metadata differ")]
    ConversationsDiffer,
    /// The `reply_to` is not 24 hexadecimal digits.
    #[error("Invalid reply_to")]
    ReplyTo,
    /// The content is longer than [`MAX_CONTENT_BYTES`].
    #[error("content is longer than {MAX_CONTENT_BYTES} bytes")]
    ContentTooLong,
    /// The metadata cannot be read.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
}

impl Binding {
    /// The binding that a creation asks for; `None` for an unbound upload.
    ///
    /// # Errors
    /// [`BindingError`] that names what is wrong.
    pub fn of_creation(
        metadata: &Metadata,
        path: Option<ConversationId>,
    ) -> Result<Option<Self>, BindingError> {
        let named = metadata
            .text("conversation_id")?
            .map(|text| text.parse::<ConversationId>().map_err(|_| BindingError::ConversationId))
            .transpose()?;
        let content = content_of(metadata.text("content")?)?;
        let reply_to = reply_to_of(metadata.text("reply_to")?)?;
        let client_message_id = metadata.client_message_id()?;
        let conversation_id = match (path, named) {
            (Some(path), Some(named)) if path != named => return Err(BindingError::ConversationsDiffer),
            (Some(id), _) | (None, Some(id)) => id,
            (None, None) => return Ok(None),
        };
        Ok(Some(Self { conversation_id, content, reply_to, client_message_id }))
    }
}

/// A message's caption; an empty text is none.
///
/// # Errors
/// [`BindingError::ContentTooLong`].
pub fn content_of(text: Option<&str>) -> Result<Option<String>, BindingError> {
    match text {
        None | Some("") => Ok(None),
        Some(text) if text.len() > MAX_CONTENT_BYTES => Err(BindingError::ContentTooLong),
        Some(text) => Ok(Some(text.to_owned())),
    }
}

/// The message that is answered; an empty text is none.
///
/// # Errors
/// [`BindingError::ReplyTo`].
pub fn reply_to_of(text: Option<&str>) -> Result<Option<MessageId>, BindingError> {
    match text {
        None | Some("") => Ok(None),
        Some(text) => text.parse().map(Some).map_err(|_| BindingError::ReplyTo),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "507f1f77bcf86cd799439011";
    const B: &str = "507f1f77bcf86cd799439012";

    fn bound(metadata: &Metadata, path: Option<&str>) -> Result<Option<String>, BindingError> {
        let path = path.map(|p| p.parse().expect("valid"));
        Ok(Binding::of_creation(metadata, path)?.map(|b| b.conversation_id.to_string()))
    }

    #[test]
    fn the_conversation_comes_from_the_path_or_the_metadata() {
        let none = Metadata::default();
        let a = Metadata::of([("conversation_id", A)]);
        assert_eq!(bound(&none, None), Ok(None));
        assert_eq!(bound(&none, Some(A)), Ok(Some(A.into())));
        assert_eq!(bound(&a, None), Ok(Some(A.into())));
        assert_eq!(bound(&a, Some(A)), Ok(Some(A.into())));
        assert_eq!(bound(&a, Some(B)), Err(BindingError::ConversationsDiffer));
    }

    #[test]
    fn bad_values_are_named() {
        for (key, value, error) in [
            ("conversation_id", "x", BindingError::ConversationId),
            ("conversation_id", "", BindingError::ConversationId),
            ("reply_to", "x", BindingError::ReplyTo),
        ] {
            assert_eq!(bound(&Metadata::of([(key, value)]), Some(A)), Err(error));
        }
        let long = "x".repeat(MAX_CONTENT_BYTES + 1);
        assert_eq!(content_of(Some(&long)), Err(BindingError::ContentTooLong));
        assert_eq!(content_of(Some("")), Ok(None));
    }
}
