//! `longhaul check`: what is wrong with a data folder that no server has open, or with a database and a
//! bucket that servers share ([`check_online`]). The check reads and changes nothing; it reads the records of
//! a folder from a copy, because opening them would write.
//!
//! | compared | with |
//! | --- | --- |
//! | every ledger | the bytes of its upload: there may be more of them, never fewer |
//! | every message | its file: there, of the right size, alone in its folder |
//! | every folder of a message | the messages, committed or claimed |
//! | every index | the rows that it leads to, both ways |
//! | the sums over unfinished uploads | their records |
//! | with `deep`: every digest | the bytes it is of |
//!
//! What a kill leaves by design, and the next start frees or continues, is reported as a note and not as
//! wrong.

mod contents;
mod folders;
mod online;
mod stored;

use std::fmt;
use std::path::Path;

use crate::backend::{BackendError, Examined};
use crate::message::Message;
use crate::store::StoreError;
use crate::store::postgres::Address;
use crate::upload::Upload;
pub(crate) use contents::place_of;
pub(crate) use stored::Stored;

pub use online::{Manner, check_online};

/// The way of the findings to the caller.
pub type Tell<'a> = &'a mut (dyn FnMut(&Finding) + Send);

/// A finding of the check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// Something differs from what was written.
    Wrong(String),
    /// Something looks odd but is no matter of the server, or the next start sees to it.
    Note(String),
}

/// The numbers of what was checked, and of what is wrong.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// The number of upload records.
    pub uploads: u64,
    /// The number of messages.
    pub messages: u64,
    /// The number of findings of the kind [`Finding::Wrong`].
    pub wrong: u64,
}

/// Checks a data folder, and the database if its records are in one; `deep` reads every byte. Findings are
/// reported as they are found.
///
/// # Errors
/// [`BackendError`] if the folder cannot be read.
pub async fn check(
    data: &Path,
    database: Option<&Address>,
    deep: bool,
    tell: Tell<'_>,
) -> Result<Summary, BackendError> {
    check_examined(&Examined::of(data, database).await?, deep, tell).await
}

/// Checks a data folder that was opened for reading.
///
/// # Errors
/// [`BackendError`] if it cannot be read.
pub async fn check_examined(
    examined: &Examined,
    deep: bool,
    tell: Tell<'_>,
) -> Result<Summary, BackendError> {
    let mut report = Report { tell, summary: Summary::default() };
    let found = read(examined, &mut report).await?;
    let stored = Stored::new(examined.payloads(), examined.carried().await?);
    contents::compare(&stored, &found, deep, &mut report).await?;
    if let Some(folder) = examined.folders() {
        folders::compare(folder, examined.foreign_parts()?, &found, &mut report)?;
    }
    Ok(report.summary)
}

/// The uploads and messages in the records.
struct Found {
    uploads: Vec<Upload>,
    messages: Vec<Message>,
}

/// Reads all records; reports those that cannot be read or do not agree with the rest.
async fn read(examined: &Examined, report: &mut Report<'_>) -> Result<Found, StoreError> {
    let mut found = Found { uploads: Vec::new(), messages: Vec::new() };
    examined.audit(|fault| report.wrong(fault)).await?;
    examined
        .every_upload(|id, upload| {
            report.summary.uploads += 1;
            match upload {
                // The bytes of a committed upload are its message's, which is compared itself.
                Ok(upload) if upload.state.needs_bytes() => found.uploads.push(upload),
                Ok(_) => {}
                Err(error) => report.wrong(format!("upload {id} cannot be read: {error}")),
            }
        })
        .await?;
    examined
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

/// The findings' way to the caller, and their count.
struct Report<'a> {
    tell: Tell<'a>,
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
