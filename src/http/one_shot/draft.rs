//! A message in the making, from the fields of a form that have come so far.

use bytes::Bytes;

use super::form::{Event, FileHead, TextField, missing_file};
use crate::http::Inner;
use crate::http::error::{ApiError, Code};
use crate::message::{ClientMessageId, ConversationId, MediaType, Message, MessageId, UserId};
use crate::upload::{Binding, BindingError, Metadata, MetadataError, content_of, reply_to_of};
use crate::uploads::OneShot;

/// The message as far as it is known. Fields may come in any order: each is checked when it comes, and the
/// file's bytes are written at once. A draft that is dropped before it is finished leaves nothing behind.
#[derive(Debug)]
pub(super) struct Draft<'a> {
    api: &'a Inner,
    sender: UserId,
    conversation_id: Option<ConversationId>,
    content: Option<String>,
    reply_to: Option<MessageId>,
    client_message_id: Option<ClientMessageId>,
    texts: Vec<TextField>,
    file: Option<File>,
    elsewhere: Option<String>,
    /// The length of the form, if the client announced it.
    length: Option<u64>,
}

#[derive(Debug)]
struct File {
    upload: OneShot,
    metadata: Metadata,
    is_chosen: bool,
}

impl<'a> Draft<'a> {
    /// An empty draft of a message by this sender, from a form of this length.
    pub(super) fn new(api: &'a Inner, sender: UserId, length: Option<u64>) -> Self {
        Self {
            api,
            sender,
            conversation_id: None,
            content: None,
            reply_to: None,
            client_message_id: None,
            texts: Vec::new(),
            file: None,
            elsewhere: None,
            length,
        }
    }

    /// Sets the conversation, from the form or from the query, if the sender may send there.
    pub(super) async fn name_conversation(&mut self, text: &str) -> Result<(), ApiError> {
        let id = text.parse().map_err(|_| BindingError::ConversationId)?;
        match self.conversation_id {
            Some(known) if known == id => return Ok(()),
            Some(_) => {
                let detail = "conversation_id in the query and in the form differ";
                return Err(ApiError::bad_request(Code::ConversationsDiffer, detail));
            }
            None => {}
        }
        self.api.uploads.may_send(&self.sender, id).await?;
        self.conversation_id = Some(id);
        self.announce();
        Ok(())
    }

    /// Announces the file to the members, once it is known which file goes where.
    fn announce(&mut self) {
        if let (Some(conversation), Some(file)) = (self.conversation_id, &mut self.file)
            && file.is_chosen
        {
            file.upload.announce(&file.metadata, conversation, None);
        }
    }

    /// Sets the sender's own id, from the form or from a header; the form's counts. An empty one is ignored.
    pub(super) fn name_message(&mut self, text: &str) -> Result<(), ApiError> {
        if let Some(id) = ClientMessageId::given(text).map_err(MetadataError::ClientMessageId)? {
            self.client_message_id = Some(id);
        }
        Ok(())
    }

    /// Takes in the next event of the form.
    pub(super) async fn take(&mut self, event: Event) -> Result<(), ApiError> {
        match event {
            Event::File(head) => self.begin_file(head),
            Event::Bytes(bytes) => self.write(bytes).await,
            Event::Text(field, text) => self.take_text(field, &text).await,
            Event::Elsewhere(field) => {
                self.elsewhere.get_or_insert(field);
                Ok(())
            }
        }
    }

    /// Makes the message from the draft.
    pub(super) async fn finish(self) -> Result<Message, ApiError> {
        let file = self.file.filter(|file| file.is_chosen);
        let file = file.ok_or_else(|| missing_file(self.elsewhere.as_deref()))?;
        let conversation_id = self.conversation_id.ok_or_else(ApiError::missing_conversation)?;
        let binding = Binding {
            conversation_id,
            content: self.content,
            reply_to: self.reply_to,
            client_message_id: self.client_message_id,
        };
        Ok(file.upload.finish(file.metadata, binding).await?)
    }

    async fn take_text(&mut self, field: TextField, text: &str) -> Result<(), ApiError> {
        if self.texts.contains(&field) {
            return Err(ApiError::bad_request(
                Code::RepeatedField,
                format!("{} is given twice", field.name()),
            ));
        }
        self.texts.push(field);
        match field {
            TextField::ConversationId => self.name_conversation(text).await?,
            TextField::Content => self.content = content_of(Some(text))?,
            TextField::ReplyTo => self.reply_to = reply_to_of(Some(text))?,
            TextField::ClientMessageId => self.name_message(text)?,
        }
        Ok(())
    }

    fn begin_file(&mut self, head: FileHead) -> Result<(), ApiError> {
        if self.file.is_some() {
            return Err(ApiError::bad_request(Code::RepeatedField, "file is given twice"));
        }
        let mut upload = self.api.uploads.one_shot(self.sender.clone(), self.api.max_oneshot_size);
        if let Some(length) = self.length {
            upload.expect(length);
        }
        // For no chosen file a browser sends an empty name and no bytes; a name or bytes make it a file.
        let is_chosen = head.name.as_ref().is_some_and(|name| !name.is_empty());
        self.file = Some(File { upload, metadata: metadata(&head), is_chosen });
        self.announce();
        Ok(())
    }

    async fn write(&mut self, bytes: Bytes) -> Result<(), ApiError> {
        let file = self.file.as_mut().expect("bytes come after the file's head");
        file.is_chosen = true;
        Ok(file.upload.write(bytes).await?)
    }
}

/// A file's head as upload metadata. The name is bounded already, and an invalid media type is left out.
fn metadata(head: &FileHead) -> Metadata {
    let name = head.name.as_deref().filter(|name| !name.is_empty()).unwrap_or("file");
    let media_type: Option<MediaType> = head.media_type.as_ref().and_then(|text| text.parse().ok());
    match &media_type {
        None => Metadata::of([("filename", name)]),
        Some(media_type) => Metadata::of([("filename", name), ("filetype", media_type.essence())]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upload::MAX_METADATA_BYTES;

    #[test]
    fn a_head_becomes_metadata() {
        for (name, media_type, file_name, file_type) in [
            (Some("a.mp4"), Some("video/mp4"), "a.mp4", Some("video/mp4")),
            (Some("a.mp4"), Some("Video/MP4; codecs=x"), "a.mp4", Some("video/mp4")),
            (Some("a"), Some("nonsense"), "a", None),
            (Some(""), None, "file", None),
            (None, None, "file", None),
        ] {
            let head = FileHead { name: name.map(str::to_owned), media_type: media_type.map(str::to_owned) };
            let metadata = metadata(&head);
            assert_eq!(metadata.file_name(), Ok(file_name));
            let declared = metadata.file_type().expect("UTF-8");
            assert_eq!(declared.as_ref().map(MediaType::essence), file_type);
        }
    }

    #[test]
    fn the_longest_head_fits() {
        let head =
            FileHead { name: Some("x".repeat(1024)), media_type: Some(format!("video/{}", "x".repeat(121))) };
        assert!(metadata(&head).raw().len() <= MAX_METADATA_BYTES);
    }
}
