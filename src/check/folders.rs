//! Comparison of the folders of messages with the messages, where bytes are kept in files.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::path::Path;

use super::{Found, Report};
use crate::message::MessageId;
use crate::store::StoreError;
use crate::upload::State;

pub(super) fn compare(
    data: &Path,
    foreign_parts: Vec<String>,
    found: &Found,
    report: &mut Report<'_>,
) -> Result<(), StoreError> {
    let made: HashMap<MessageId, &str> =
        found.messages.iter().map(|message| (message.id, message.stored_name.as_str())).collect();
    let coming: HashSet<MessageId> =
        found.uploads.iter().filter_map(|upload| coming(&upload.state)).collect();
    for name in names_in(&data.join("chats"))? {
        match name.parse::<MessageId>() {
            Err(_) => report.note(format!("chats/{name}: not ours; nothing touches it")),
            Ok(id) if coming.contains(&id) => {}
            Ok(id) => match made.get(&id) {
                None => report.wrong(format!("chats/{name}: there is no message {id}")),
                Some(own) => others(data, &name, own, report)?,
            },
        }
    }
    for name in foreign_parts {
        report.note(format!("parts/{name}: not ours; nothing touches it"));
    }
    Ok(())
}

fn coming(state: &State) -> Option<MessageId> {
    match state {
        State::Finalizing(stamp) => Some(stamp.id),
        _ => None,
    }
}

/// Reports the other files in a message's folder. If its own file is absent, that is reported elsewhere.
fn others(data: &Path, folder: &str, own: &str, report: &mut Report<'_>) -> Result<(), StoreError> {
    for name in names_in(&data.join("chats").join(folder))? {
        if name != own {
            report.wrong(format!("chats/{folder}/{name}: the message's file is `{own}`"));
        }
    }
    Ok(())
}

fn names_in(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    match fs::read_dir(folder) {
        // Nothing has been stored yet.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(names),
        Err(error) => return Err(error),
        Ok(entries) => {
            for entry in entries {
                names.push(entry?.file_name().to_string_lossy().into_owned());
            }
        }
    }
    names.sort();
    Ok(names)
}
