//! `longhaul check`: what is wrong with a data folder that no server has open. It reads and changes nothing; the
//! records are read from a copy, because opening them would write.
//!
//! | compared | with |
//! | --- | --- |
//! | every ledger | the bytes of its upload: there may be more of them, never fewer |
//! | every message | its file: there, of the right size, alone in its folder |
//! | every folder of a message | the messages, made or being made |
//! | every index | the rows that it leads to, both ways |
//! | with `deep`: every digest | the bytes it is of |
//!
//! What a kill leaves behind by design, and the next start frees or goes on with, is noted and is not wrong.

mod contents;
mod folders;
mod stored;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use crate::data_folder::{DataFolder, FolderError};
use crate::message::Message;
use crate::store::disk::Disk;
use crate::store::sled::{OpenError, SledCopy, SledPayloads};
use crate::store::{Payloads, StoreError};
use crate::upload::Upload;
use stored::Stored;

/// Something that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// It cannot be what was written.
    Wrong(String),
    /// It looks odd and is none of a server's business, or the next start sees to it.
    Note(String),
}

/// What was looked at, and how that went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Upload records.
    pub uploads: u64,
    /// Messages.
    pub messages: u64,
    /// Findings of the kind [`Finding::Wrong`].
    pub wrong: u64,
}

/// Why a folder could not be read.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// It is no data folder.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// Its records are in use, or damaged as a whole.
    #[error(transparent)]
    Records(#[from] OpenError),
    /// Its bytes are kept in a way that this version does not know.
    #[error("its bytes are kept in `{0}`, which this version does not know")]
    Payload(String),
    /// Reading failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Checks a data folder; `deep` reads every byte. Findings are told as they are found.
///
/// # Errors
/// [`CheckError`] if it cannot be read.
pub async fn check(
    data: &Path,
    deep: bool,
    tell: &mut (dyn FnMut(&Finding) + Send),
) -> Result<Summary, CheckError> {
    let (folder, payload) = DataFolder::look(data)?;
    let copy = SledCopy::of(&folder.records())?;
    let disk = Disk::look(folder.path());
    let (payloads, has_folders): (Arc<dyn Payloads>, bool) = match payload.as_str() {
        "disk" => (Arc::new(disk.clone()), true),
        "sled" => (Arc::new(SledPayloads::new(copy.store(), folder.path(), 0, u64::MAX)), false),
        _ => return Err(CheckError::Payload(payload)),
    };
    let mut report = Report { tell, summary: Summary::default() };
    let found = read(&copy, &mut report).await?;
    let stored = Stored::new(payloads.as_ref(), copy.store().carried().await?);
    contents::compare(&stored, &found, deep, &mut report).await?;
    if has_folders {
        folders::compare(folder.path(), &disk, &found, &mut report)?;
    }
    Ok(report.summary)
}

/// What the records say there is.
struct Found {
    uploads: Vec<Upload>,
    messages: Vec<Message>,
}

/// Reads all records; what cannot be read, or does not agree with the rest, is told.
async fn read(copy: &SledCopy, report: &mut Report<'_>) -> Result<Found, StoreError> {
    let mut found = Found { uploads: Vec::new(), messages: Vec::new() };
    let store = copy.store();
    store.audit(|fault| report.wrong(fault)).await?;
    store
        .every_upload(|id, upload| {
            report.summary.uploads += 1;
            match upload {
                // Bytes and message of a committed upload are the message's.
                Ok(upload) if upload.state.needs_bytes() => found.uploads.push(upload),
                Ok(_) => {}
                Err(error) => report.wrong(format!("upload {id} cannot be read: {error}")),
            }
        })
        .await?;
    store
        .every_message(|id, message| {
            report.summary.messages += 1;
            match message {
                Ok(message) => found.messages.push(message),
                Err(error) => report.wrong(format!("message {id} cannot be read: {error}")),
            }
        })
        .await?;
    Ok(found)
}

/// Tells and counts.
struct Report<'a> {
    tell: &'a mut (dyn FnMut(&Finding) + Send),
    summary: Summary,
}

impl Report<'_> {
    fn wrong(&mut self, what: impl Into<String>) {
        self.summary.wrong += 1;
        (self.tell)(&Finding::Wrong(what.into()));
    }

    fn note(&mut self, what: impl Into<String>) {
        (self.tell)(&Finding::Note(what.into()));
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wrong(what) => write!(f, "wrong: {what}"),
            Self::Note(what) => write!(f, "note: {what}"),
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { uploads, messages, wrong } = self;
        write!(f, "{uploads} uploads and {messages} messages: ")?;
        match wrong {
            0 => f.write_str("nothing is wrong"),
            1 => f.write_str("1 thing is wrong"),
            _ => write!(f, "{wrong} things are wrong"),
        }
    }
}

#[cfg(test)]
mod tests;
