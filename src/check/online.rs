//! The check of a database and a bucket, while servers go on. What changes meanwhile is no fault: tables are
//! compared as they were at one moment, and what differs from the bucket is looked at again.

use futures_util::TryStreamExt;

use super::{Report, Summary, Tell};
use crate::backend::{BackendError, Shared};
use crate::message::Message;
use crate::store::object::Found;
use crate::store::{Payloads, Place, Records, Source, StoreError};
use crate::upload::{RunningDigest, State, Upload};

/// How the check of a database and a bucket goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Manner {
    /// Reads every byte that can be read.
    pub deep: bool,
    /// Makes garbage of what no row knows.
    pub repair: bool,
}

/// Checks a database and its bucket. Findings are reported as they are found.
///
/// # Errors
/// [`BackendError`] if they cannot be read.
pub async fn check_online(shared: &Shared, manner: Manner, tell: Tell<'_>) -> Result<Summary, BackendError> {
    let mut report = Report { tell, summary: Summary::default() };
    shared.records.audit(|fault| report.wrong(fault)).await?;
    let sealed = uploads(shared, &mut report).await?;
    messages(shared, manner.deep, &mut report).await?;
    let mut found = |found| match found {
        Found::Wrong(what) => report.wrong(what),
        Found::Foreign(name) => report.note(format!("{name}: not ours; nothing touches it")),
        Found::Left(what) => report.note(format!("{what}; a server frees them within hours")),
        Found::Leftover(what) if manner.repair => report.note(format!("{what}; it is garbage from now on")),
        Found::Leftover(what) => {
            report.note(format!("{what}; a server frees it within hours, --repair at once"));
        }
    };
    shared.objects.audit(manner.repair, &mut found).await?;
    if manner.deep {
        for upload in sealed {
            if let Some(fault) = fault_of_upload(shared, &upload).await {
                report.wrong(fault);
            }
        }
    }
    Ok(report.summary)
}

/// Counts the uploads; answers those whose bytes can be read.
async fn uploads(shared: &Shared, report: &mut Report<'_>) -> Result<Vec<Upload>, StoreError> {
    let mut complete = Vec::new();
    let each = |id, upload: Result<Upload, StoreError>| {
        report.summary.uploads += 1;
        match upload {
            Ok(upload) if matches!(upload.state, State::Complete) => complete.push(upload),
            Ok(_) => {}
            Err(error) => report.wrong(format!("upload {id} cannot be read: {error}")),
        }
    };
    shared.records.every_upload(each).await?;
    Ok(complete)
}

async fn messages(shared: &Shared, deep: bool, report: &mut Report<'_>) -> Result<(), StoreError> {
    let mut after = None;
    loop {
        let page = shared.records.messages_after(after).await?;
        let Some((last, _)) = page.last() else { return Ok(()) };
        after = Some(*last);
        for (id, message) in page {
            report.summary.messages += 1;
            match message {
                Err(error) => report.wrong(format!("message {id} cannot be read: {error}")),
                Ok(message) if deep => {
                    if let Some(fault) = fault_of_message(shared, &message).await {
                        report.wrong(fault);
                    }
                }
                Ok(_) => {}
            }
        }
    }
}

/// The fault of the bytes of a message. A message does not change, so there is no second look.
async fn fault_of_message(shared: &Shared, message: &Message) -> Option<String> {
    let Message { id, file_size, sha256, .. } = message;
    let source = Source::Placed(Place::of(message), message.upload_id.into());
    match digest(shared, &source, *file_size).await {
        Ok(found) if sha256.is_none_or(|recorded| found.state().finish() == Some(recorded)) => None,
        Ok(_) => Some(format!("message {id}: its file does not have the recorded SHA-256")),
        Err(error) => Some(format!("message {id}: its file cannot be read: {error}")),
    }
}

/// The fault of the bytes of an upload that was complete and waited for its end.
async fn fault_of_upload(shared: &Shared, upload: &Upload) -> Option<String> {
    let recorded = upload.digest.as_ref()?;
    let found = digest(shared, &Source::Part(upload.id), upload.offset).await;
    let fault = match found {
        Ok(found) if found.state() == *recorded => return None,
        Ok(_) => format!("upload {}: its bytes do not have the recorded digest", upload.id),
        // A kill may have come before it was sealed. Its parts were compared.
        Err(StoreError::Unsealed) => return None,
        Err(error) => format!("upload {} cannot be read: {error}", upload.id),
    };
    // It may have become a message meanwhile, or have ended.
    let now = Records::find(&*shared.records, upload.id).await;
    matches!(now, Ok(Some(now)) if now == *upload).then_some(fault)
}

async fn digest(shared: &Shared, source: &Source, length: u64) -> Result<RunningDigest, StoreError> {
    let mut running = RunningDigest::default();
    let mut pieces = shared.objects.read(source, 0..length).await?;
    while let Some(piece) = pieces.try_next().await? {
        running.update(&piece);
    }
    Ok(running)
}
