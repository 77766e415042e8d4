//! Correct tus 1.0.0 requests, which a test may make wrong.

use std::collections::BTreeSet;
use std::path::Path;

pub use tus_lab::tus::{OFFSET_OCTET_STREAM, metadata};

use tus_lab::http::{Request, Response};

use crate::chat::{Chat, User};
use crate::script::Script;

/// A request with the protocol's version and this user's token.
#[must_use]
pub fn request(chat: &Chat, user: &User, method: &str, target: &str) -> Request {
    chat.request(user, method, target).header("Tus-Resumable", "1.0.0")
}

/// A creation of this length, sent to this target.
#[must_use]
pub fn creation(chat: &Chat, user: &User, target: &str, length: u64) -> Request {
    request(chat, user, "POST", target).header("Upload-Length", length)
}

/// A creation in the chat's conversation, by its first member.
#[must_use]
pub fn creation_in_chat(chat: &Chat, length: u64) -> Request {
    creation(chat, &chat.alice, &format!("/conversations/{}/files", chat.conversation), length)
}

/// A PATCH without a body yet.
#[must_use]
pub fn patch(chat: &Chat, user: &User, location: &str, offset: u64) -> Request {
    request(chat, user, "PATCH", location)
        .header("Upload-Offset", offset)
        .header("Content-Type", OFFSET_OCTET_STREAM)
}

/// Creates an upload in the chat's conversation, by its first member, and returns its URL.
pub async fn create(chat: &Chat, length: u64, pairs: &[(&str, &str)]) -> String {
    let answer =
        creation_in_chat(chat, length).header("Upload-Metadata", metadata(pairs)).send().await.expecting(201);
    answer.expect("Location").to_owned()
}

/// Creates an upload that belongs to no conversation yet, and returns its URL.
pub async fn create_unbound(chat: &Chat, length: u64) -> String {
    let answer = creation(chat, &chat.alice, "/files", length).send().await.expecting(201);
    answer.expect("Location").to_owned()
}

/// Sends bytes as the first member.
pub async fn append(chat: &Chat, location: &str, offset: u64, bytes: &[u8]) -> Response {
    patch(chat, &chat.alice, location, offset).body(bytes).send().await
}

/// Asks as the first member how far the upload is.
pub async fn head(chat: &Chat, location: &str) -> Response {
    request(chat, &chat.alice, "HEAD", location).send().await
}

/// The offset that HEAD tells the first member.
pub async fn offset(chat: &Chat, location: &str) -> u64 {
    head(chat, location).await.expecting(200).number("Upload-Offset")
}

/// Ends all uploads that these clients created, but for the one with which the last client succeeded. These
/// are its parts: they outlive the final upload, for a client that asks for it again. A client that sent the
/// file in one piece made none.
pub async fn end_parts(chat: &Chat, clients: &[&Script]) {
    let success = clients.last().expect("somebody sent it").saw("success").await;
    for part in created_by(clients).iter().filter(|created| success["url"] != **created) {
        request(chat, &chat.alice, "DELETE", part).send().await.expecting(204);
    }
}

/// Ends every upload of the first member that still has a part file, such as parts that were joined.
///
/// # Panics
/// When one cannot be ended.
pub async fn end_unfinished(chat: &Chat) {
    let ids = match chat.server.place() {
        Some(place) => place.rows("select replace(upload::text, '-', '') from stored"),
        None => chat.server.folder().parts().iter().map(|part| name_of(part)).collect(),
    };
    for id in ids {
        let ended = request(chat, &chat.alice, "DELETE", &format!("/files/{id}")).send().await;
        assert!([204, 404].contains(&ended.status), "{ended:?}");
    }
}

/// A part is named after its upload.
fn name_of(part: &Path) -> String {
    let name = part.file_stem().and_then(|name| name.to_str());
    name.expect("an id is text").to_owned()
}

/// The URLs of all uploads that these clients have created so far.
#[must_use]
pub fn created_by(clients: &[&Script]) -> BTreeSet<String> {
    let answers = clients.iter().flat_map(|client| client.all("answer"));
    answers.filter_map(|answer| answer["location"].as_str().map(str::to_owned)).collect()
}

/// The upload's id, which is the last part of its URL.
#[must_use]
pub fn id_of(location: &str) -> &str {
    location.rsplit('/').next().expect("a URL has a last part")
}
