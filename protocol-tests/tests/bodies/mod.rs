//! Every route that takes a body.

use harness::chat::Chat;
use harness::http::Request;
use harness::multipart::{self};
use harness::tus;

/// A request to each route that takes a body, with the beginning of the body.
pub(crate) fn every_body(chat: &Chat) -> Vec<(&'static str, Request, Vec<u8>)> {
    let admin = harness::chat::User::admin();
    let put = format!("/conversations/{}", harness::chat::conversation_id());
    let in_chat = format!("/conversations/{}/files", chat.conversation);
    vec![
        ("a conversation", chat.request(&admin, "PUT", &put), b"{\"participants\":[\"".to_vec()),
        (
            "a message of an upload",
            chat.request(&chat.alice, "POST", "/messages"),
            b"{\"upload_id\":\"".to_vec(),
        ),
        (
            "a one-shot",
            multipart::content_type(chat.one_shot(&chat.alice)),
            multipart::before_file("a.bin").into_bytes(),
        ),
        (
            "a creation with bytes",
            tus::creation(chat, &chat.alice, &in_chat, 5000).header("Content-Type", tus::OFFSET_OCTET_STREAM),
            b"abc".to_vec(),
        ),
    ]
}
