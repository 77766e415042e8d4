//! The request that binds an upload to a conversation.

use harness::chat::Chat;
use harness::tus;
use serde_json::{Value, json};

pub(crate) fn binding(chat: &Chat, location: &str) -> Value {
    json!({
        "upload_id": tus::id_of(location),
        "conversation_id": chat.conversation,
        "content": "late",
    })
}
