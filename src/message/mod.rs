//! Chat messages: identities, names, kinds, and the message itself. Pure: no I/O, no clock.

mod conversation;
mod file_name;
mod id;
mod inline;
mod kind;
mod media_type;
mod record;
mod user;

pub use conversation::ConversationId;
pub use file_name::{is_same_file_name, stored_file_name, whole_letters};
pub use id::{InvalidId, MessageId, MessageIds, Stamp};
pub use inline::{SNIFFED_BYTES, inline_type, inline_type_of};
pub use kind::MessageKind;
pub use media_type::MediaType;
#[cfg(test)]
pub(crate) use record::sample;
pub use record::{MediaLink, Message, MessageBody};
pub use user::{ClientMessageId, InvalidClientMessageId, InvalidUserId, UserId};

/// The most bytes that a message's `content` may have.
pub const MAX_CONTENT_BYTES: usize = 4096;
