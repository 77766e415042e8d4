//! The audit of messages.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use serde_json::Value;

use crate::crash::books::Job;
use crate::crash::desk::Desk;

/// Checks that every message that a client was told of is there, that each file is at most one message, and
/// that its bytes are those that were sent.
pub(super) async fn audit(desk: &Desk) -> io::Result<()> {
    let messages = all(desk).await?;
    are_in_order(desk, &messages).await?;
    let jobs: BTreeMap<_, _> = desk.books.all().into_iter().map(|job| (job.id.clone(), job)).collect();
    let mut seen = BTreeMap::new();
    for message in &messages {
        let id = text(message, "client_message_id");
        let job = jobs.get(id).unwrap_or_else(|| panic!("nobody sent this: {message}"));
        assert!(job.way.owes_message(), "{id} was not to be a message: {message}");
        let before = seen.insert(id.to_owned(), text(message, "_id").to_owned());
        assert!(before.is_none(), "{id} is there twice: {before:?} and {message}");
        is_what_was_sent(desk, job, message).await?;
    }
    for job in jobs.values() {
        let Some(told) = &job.message else { continue };
        assert_eq!(seen.get(&job.id), Some(told), "{} was told of a message", job.id);
    }
    Ok(())
}

/// Checks that every file that is owed a message is one.
pub(super) async fn are_complete(desk: &Desk) -> io::Result<()> {
    let messages = all(desk).await?;
    let made: BTreeSet<_> = messages.iter().map(|message| text(message, "client_message_id")).collect();
    for job in desk.books.all() {
        assert!(job.is_over, "{} is not done", job.id);
        assert_eq!(made.contains(job.id.as_str()), job.way.owes_message(), "{}", job.id);
    }
    Ok(())
}

/// The messages of the conversation, newest first.
pub(super) async fn all(desk: &Desk) -> io::Result<Vec<Value>> {
    let (mut messages, mut before) = (Vec::new(), String::new());
    loop {
        let target = format!("/conversations/{}/messages?limit=200{before}", desk.chat.conversation);
        let page = desk.read(desk.chat.request(&desk.chat.bob, "GET", &target)).await?.expecting(200).json();
        messages.extend(page["messages"].as_array().expect("messages are an array").clone());
        match page["next"].as_str() {
            Some(next) => before = format!("&before={next}"),
            None => return Ok(messages),
        }
    }
}

/// Checks that a client that asks for what came after the oldest message is given all the others in their
/// order.
async fn are_in_order(desk: &Desk, newest_first: &[Value]) -> io::Result<()> {
    let mut oldest_first = newest_first.iter().rev().map(|message| text(message, "_id"));
    let Some(mut after) = oldest_first.next().map(str::to_owned) else { return Ok(()) };
    let mut newer = Vec::new();
    loop {
        let target = format!("/conversations/{}/messages?limit=200&after={after}", desk.chat.conversation);
        let page = desk.read(desk.chat.request(&desk.chat.bob, "GET", &target)).await?.expecting(200).json();
        let messages = page["messages"].as_array().expect("messages are an array");
        newer.extend(messages.iter().rev().map(|message| text(message, "_id").to_owned()));
        match page["next"].as_str() {
            Some(next) => after = next.to_owned(),
            None => break,
        }
    }
    // Messages made meanwhile may follow.
    let known: Vec<_> = oldest_first.collect();
    assert_eq!(
        newer.iter().take(known.len()).collect::<Vec<_>>(),
        known,
        "what came after the oldest message"
    );
    Ok(())
}

/// Checks what the message says of its file, and once per message the file itself.
async fn is_what_was_sent(desk: &Desk, job: &Job, message: &Value) -> io::Result<()> {
    let (id, said) = (text(message, "_id"), (&message["file_size"], &message["sha256"]));
    assert_eq!(said, (&job.length.into(), &job.sha256.as_str().into()), "{}: {message}", job.id);
    if desk.books.is_verified(id) {
        return Ok(());
    }
    let request = desk.chat.request(&desk.chat.bob, "GET", text(message, "media_url"));
    let (status, digest) = desk.digest(&request).await?;
    if status == 507 && desk.may_be_full {
        return Err(io::ErrorKind::StorageFull.into());
    }
    assert_eq!(status, 200, "{}: {message}", job.id);
    assert_eq!((digest.len(), digest.hex()), (job.length, job.sha256.clone()), "{}: {message}", job.id);
    desk.books.verified(id);
    Ok(())
}

fn text<'a>(message: &'a Value, key: &str) -> &'a str {
    message[key].as_str().unwrap_or_else(|| panic!("{key} is text: {message}"))
}
