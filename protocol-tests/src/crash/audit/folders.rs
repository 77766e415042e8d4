//! The audit of the data folder.

use std::collections::BTreeSet;
use std::io;
use std::time::Instant;

use super::messages;
use crate::crash::PAUSE;
use crate::crash::desk::Desk;
use harness::wait::BOUND;

/// Waits until only unfinished uploads have parts, and each message has a folder with one file: the server
/// may still be finishing uploads.
pub(super) async fn audit(desk: &Desk) -> io::Result<()> {
    let end = Instant::now() + BOUND;
    loop {
        let found = match orphans(desk).await? {
            orphans if orphans.is_empty() => homeless(desk).await?,
            orphans => orphans,
        };
        if found.is_empty() {
            return Ok(());
        }
        assert!(Instant::now() < end, "nobody needs these: {found:?}");
        tokio::time::sleep(PAUSE).await;
    }
}

/// Parts without an upload that needs them.
async fn orphans(desk: &Desk) -> io::Result<Vec<String>> {
    // Parts are listed before uploads: an upload that finishes in between has no part any more.
    let parts = desk.chat.server.folder().parts();
    let answer = desk.read(desk.chat.request(desk.sender(), "GET", "/files")).await?.expecting(200).json();
    let uploads = answer["uploads"].as_array().expect("uploads are an array");
    let needed: BTreeSet<_> = uploads.iter().filter_map(|upload| upload["upload_id"].as_str()).collect();
    let mut orphans = Vec::new();
    for name in parts.iter().filter_map(|part| part.file_name()?.to_str()) {
        if !needed.contains(name) && !is_joined(desk, name).await? {
            orphans.push(name.to_owned());
        }
    }
    Ok(orphans)
}

/// Whether this is a part of a final upload: such a part stays, unlisted, for the next final upload that
/// names it.
async fn is_joined(desk: &Desk, id: &str) -> io::Result<bool> {
    let question = desk.chat.request(desk.sender(), "GET", &format!("/files/{id}"));
    let answer = desk.read(question.header("Accept", "application/json")).await?;
    Ok(answer.status == 200 && answer.json()["is_partial"] == true)
}

/// Messages without a folder of one file, and folders without a message.
async fn homeless(desk: &Desk) -> io::Result<Vec<String>> {
    let folder = desk.chat.server.folder();
    // Bytes in the database have no folders.
    if !folder.path().join("chats").is_dir() {
        return Ok(Vec::new());
    }
    let chats = folder.chats();
    let messages = messages::all(desk).await?;
    let ids: BTreeSet<_> = messages.iter().filter_map(|message| message["_id"].as_str()).collect();
    let without_message = chats.keys().filter(|id| !ids.contains(id.as_str())).cloned();
    let without_file = ids.iter().filter(|id| chats.get(**id).is_none_or(|files| files.len() != 1));
    Ok(without_message.chain(without_file.map(|id| (*id).to_owned())).collect())
}
