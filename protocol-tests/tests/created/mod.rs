//! Creations in the chat's conversation.

use harness::chat::Chat;
use harness::http::{Request, Response};
use harness::tus;

pub(crate) async fn create(chat: &Chat, length: u64, pairs: &[(&str, &str)]) -> Response {
    creation(chat, length, pairs).send().await
}

pub(crate) fn creation(chat: &Chat, length: u64, pairs: &[(&str, &str)]) -> Request {
    tus::creation_in_chat(chat, length).header("Upload-Metadata", tus::metadata(pairs))
}
