//! The message, as it is stored and as clients read it.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::ser::{Serialize, Serializer};
use serde::{Deserialize, Serialize as DeriveSerialize};

use super::{ClientMessageId, ConversationId, MessageId, MessageKind, UserId};
use crate::base_path::BasePath;
use crate::time::Timestamp;

/// A committed message: written once, with everything that its readers see.
#[derive(Debug, Clone, PartialEq, Eq, DeriveSerialize, Deserialize)]
pub struct Message {
    /// The message's id, and the name of its folder.
    pub id: MessageId,
    /// The message's conversation.
    pub conversation_id: ConversationId,
    /// The message's sender.
    pub sender: UserId,
    /// The message's caption.
    pub content: Option<String>,
    /// The message's kind: image, video or file.
    pub kind: MessageKind,
    /// The message that this one answers.
    pub reply_to: Option<MessageId>,
    /// The time of the message's claim.
    pub created_at: Timestamp,
    /// The file's name as the sender gave it.
    pub file_name: String,
    /// The file's name in the message's folder.
    pub stored_name: String,
    /// The file's size in bytes.
    pub file_size: u64,
    /// The file's MIME type.
    pub mime_type: String,
    /// The file's SHA-256, if digests are on, or the client announced one.
    pub sha256: Option<[u8; 32]>,
    /// The sender's own id of the message.
    pub client_message_id: Option<ClientMessageId>,
    /// The upload that became this message.
    pub upload_id: uuid::Uuid,
}

impl Message {
    /// The route of the media. Non-ASCII bytes are percent-encoded; nothing else needs it.
    pub fn media_url(&self) -> String {
        const NON_ASCII: &AsciiSet = CONTROLS;
        format!("/uploads/chats/{}/{}", self.id, utf8_percent_encode(&self.stored_name, NON_ASCII))
    }

    /// The message as this reader's client gets it: below this path, with this link. Neither is part of the
    /// message, because the next reader may come by another path, and later.
    pub fn body<'a>(&'a self, base: &'a BasePath, link: Option<MediaLink>) -> MessageBody<'a> {
        MessageBody { message: self, base, link }
    }
}

/// The query that makes the path of a message's media a link that needs no token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaLink {
    /// The query of the URL.
    pub query: String,
    /// The time when the link ends.
    pub expires_at: Timestamp,
}

impl MediaLink {
    /// The link to this message's media, below this path and without a host.
    pub fn path(&self, message: &Message, base: &BasePath) -> String {
        format!("{}?{}", base.of(&message.media_url()), self.query)
    }
}

/// The JSON of a message: twelve keys that are always there, with explicit nulls, then further ones.
#[derive(Debug, Clone)]
pub struct MessageBody<'a> {
    message: &'a Message,
    base: &'a BasePath,
    link: Option<MediaLink>,
}

impl Serialize for MessageBody<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let m = self.message;
        Wire {
            _id: m.id.to_string(),
            conversation_id: m.conversation_id.to_string(),
            sender: m.sender.as_str(),
            content: m.content.as_deref(),
            kind: m.kind,
            media_url: self.base.of(&m.media_url()),
            reply_to: m.reply_to.map(|id| id.to_string()),
            is_read: false,
            is_deleted: false,
            created_at: m.created_at.rfc3339(),
            edited_at: None,
            pinned: false,
            file_name: &m.file_name,
            file_size: m.file_size,
            mime_type: &m.mime_type,
            sha256: m.sha256.map(|d| data_encoding::HEXLOWER.encode(&d)),
            client_message_id: m.client_message_id.as_ref().map(ClientMessageId::as_str),
            upload_id: m.upload_id.simple().to_string(),
            media_link: self.link.as_ref().map(|link| link.path(m, self.base)),
            media_link_expires_at: self.link.as_ref().map(|link| link.expires_at.rfc3339()),
        }
        .serialize(serializer)
    }
}

#[derive(DeriveSerialize)]
struct Wire<'a> {
    _id: String,
    conversation_id: String,
    sender: &'a str,
    content: Option<&'a str>,
    #[serde(rename = "type")]
    kind: MessageKind,
    media_url: String,
    reply_to: Option<String>,
    is_read: bool,
    is_deleted: bool,
    created_at: String,
    edited_at: Option<String>,
    pinned: bool,
    file_name: &'a str,
    file_size: u64,
    mime_type: &'a str,
    sha256: Option<String>,
    client_message_id: Option<&'a str>,
    upload_id: String,
    media_link: Option<String>,
    media_link_expires_at: Option<String>,
}

/// A message with a film of this name, for tests.
#[cfg(test)]
pub(crate) fn sample(name: &str) -> Message {
    Message {
        id: "507f1f77bcf86cd799439011".parse().expect("valid"),
        conversation_id: "507f1f77bcf86cd799439012".parse().expect("valid"),
        sender: "user@example.com".parse().expect("valid"),
        content: None,
        kind: MessageKind::Video,
        reply_to: None,
        created_at: Timestamp::from_millis(1_706_270_400_123),
        file_name: name.into(),
        stored_name: name.into(),
        file_size: 3,
        mime_type: "video/mp4".into(),
        sha256: None,
        client_message_id: None,
        upload_id: uuid::Uuid::nil(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_json_has_every_key_with_explicit_nulls() {
        let message = sample("né.mp4");
        assert_eq!(
            serde_json::to_value(message.body(&BasePath::default(), None)).expect("serializable"),
            serde_json::json!({
                "_id": "507f1f77bcf86cd799439011", "conversation_id": "507f1f77bcf86cd799439012",
                "sender": "user@example.com", "content": null, "type": "video",
                "media_url": "/uploads/chats/507f1f77bcf86cd799439011/n%C3%A9.mp4", "reply_to": null,
                "is_read": false, "is_deleted": false, "created_at": "2024-01-26T12:00:00.123Z",
                "edited_at": null, "pinned": false, "file_name": "né.mp4", "file_size": 3,
                "mime_type": "video/mp4", "sha256": null, "client_message_id": null,
                "upload_id": "00000000000000000000000000000000",
                "media_link": null, "media_link_expires_at": null
            })
        );
    }

    #[test]
    fn a_link_is_below_the_base_path_and_leaves_the_url_as_it_is() {
        let (message, base) = (sample("né.mp4"), "/chat".parse().expect("a base path"));
        let link = MediaLink { query: "exp=7&sig=x".into(), expires_at: Timestamp::from_secs(7) };
        let json = serde_json::to_value(message.body(&base, Some(link))).expect("serializable");
        let url = "/chat/uploads/chats/507f1f77bcf86cd799439011/n%C3%A9.mp4";
        assert_eq!(json["media_url"], url);
        assert_eq!(json["media_link"], format!("{url}?exp=7&sig=x"));
        assert_eq!(json["media_link_expires_at"], "1970-01-01T00:00:07.000Z");
    }
}
