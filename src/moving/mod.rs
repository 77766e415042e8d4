//! `longhaul move`: a data folder that no server has open, into a database and a bucket that servers will
//! share. The folder is read as a check reads it, and not changed; at the end its note says that it was
//! moved.
//!
//! ```text
//! the folder is checked ─► the move is noted in the database ─► conversations, clocks, client ids
//!   ─► files, then their messages ─► bytes of uploads, then their records ─► counted and checked
//!   ─► the move is done in the database ─► the folder's note
//! ```
//! What is durable counts: a move that was killed anywhere is run again, and goes on behind what is there.
//! Until it is done no server serves the database, and nothing else is moved into it; the records'
//! fingerprint says whether the folder is still the one that it began with.

mod bring;
mod tally;

use std::path::Path;

use crate::backend::{BackendError, Examined, Shared};
use crate::check::{self, Finding, Manner};
use crate::data_folder::{DataFolder, FolderError};
use crate::store::StoreError;
use crate::store::object::S3;
use crate::store::postgres::{Address, MoveRefusal, Moving, Page};
use crate::store::sled::SledStore;
use bring::Bringing;

pub use tally::Tally;

/// What a move tells its caller on the way.
pub type Tell<'a> = &'a mut (dyn FnMut(&str) + Send);

/// The reason why a move is not done. It goes on when it is run again, unless something is wrong.
#[derive(Debug, thiserror::Error)]
pub enum MoveError {
    /// The folder, the database or the bucket cannot be used.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// Something else is in the database, or it is served.
    #[error(transparent)]
    Refusal(#[from] MoveRefusal),
    /// The records are not in the folder.
    #[error("its records are in a database already")]
    NotEmbedded,
    /// A move into the database has begun from other records.
    #[error(
        "the database is half filled from another folder, or from this one as it was before a server changed it: \
         begin again with an empty database and an empty bucket"
    )]
    Another,
    /// The bucket belongs to another database, or lacks the files that the rows name.
    #[error("the bucket is not that of this database")]
    AnotherBucket,
    /// The bytes are not what the record says.
    #[error("{0} does not have the recorded digest")]
    Digest(String),
    /// The folder, or what it became, has faults, which were told.
    #[error("{0} things are wrong; nothing is served before they are mended")]
    Wrong(u64),
    /// There is more or less of something than in the folder.
    #[error("the folder has {}, and the database and the bucket have {}", .0[0], .0[1])]
    Differs(Box<[Tally; 2]>),
}

impl From<StoreError> for MoveError {
    fn from(error: StoreError) -> Self {
        Self::Backend(error.into())
    }
}

impl From<FolderError> for MoveError {
    fn from(error: FolderError) -> Self {
        Self::Backend(error.into())
    }
}

/// Moves a data folder, or goes on with it; answers what was moved. A folder that was moved into this
/// database is left as it is.
///
/// # Errors
/// [`MoveError`]
pub async fn move_all(
    data: &Path,
    database: &Address,
    bucket: &S3,
    tell: Tell<'_>,
) -> Result<Tally, MoveError> {
    let shared = Shared::open(database, bucket).await?;
    let cluster = shared.records.cluster().await?.to_string();
    if DataFolder::moved_to(data)?.is_some_and(|to| to == cluster) {
        tell("it was moved into this database before");
        return Ok(shared.records.tally().await?.into());
    }
    let examined = match Examined::of(data, None).await {
        Err(BackendError::InDatabase) => return Err(MoveError::NotEmbedded),
        examined => examined?,
    };
    let records = examined.embedded().ok_or(MoveError::NotEmbedded)?;
    let fingerprint = records.fingerprint().await?;
    let is_done = match shared.records.moving().await? {
        Some(Moving::Done(from)) if from == fingerprint => true,
        Some(Moving::Half(from)) if from != fingerprint => return Err(MoveError::Another),
        _ => false,
    };
    if !is_done {
        check_folder(&examined, tell).await?;
        shared.records.begin_move(fingerprint).await?;
        bring_all(&examined, records, &shared, tell).await?;
        check_all(&shared, tell).await?;
        shared.records.end_move().await?;
    }
    let tally = Tally::of(records).await?;
    DataFolder::note_move(data, &cluster)?;
    Ok(tally)
}

async fn check_folder(examined: &Examined, tell: Tell<'_>) -> Result<(), MoveError> {
    let mut say = |finding: &Finding| tell(&finding.to_string());
    match check::check_examined(examined, false, &mut say).await?.wrong {
        0 => Ok(()),
        wrong => Err(MoveError::Wrong(wrong)),
    }
}

async fn check_all(shared: &Shared, tell: Tell<'_>) -> Result<(), MoveError> {
    tell("checking");
    let mut say = |finding: &Finding| tell(&finding.to_string());
    match check::check_online(shared, Manner::default(), &mut say).await?.wrong {
        0 => Ok(()),
        wrong => Err(MoveError::Wrong(wrong)),
    }
}

/// Moves everything. What has bytes gets them first: a row says that they are there.
async fn bring_all(
    examined: &Examined,
    records: &SledStore,
    shared: &Shared,
    tell: Tell<'_>,
) -> Result<(), MoveError> {
    if !shared.objects.belongs().await? {
        return Err(MoveError::AnotherBucket);
    }
    let bringing = Bringing::of(examined, shared).await?;
    let mut conversations = records.kept_conversations();
    while let Some(page) = some(conversations.next().await?) {
        shared.records.import(&Page::Conversations(page)).await?;
    }
    let mut clocks = records.kept_clocks();
    while let Some(page) = some(clocks.next().await?) {
        shared.records.import(&Page::Clocks(page)).await?;
    }
    let mut ids = records.kept_client_ids();
    while let Some(page) = some(ids.next().await?) {
        shared.records.import(&Page::ClientIds(page)).await?;
    }
    let (mut messages, mut count) = (records.kept_messages(), 0);
    while let Some(page) = some(messages.next().await?) {
        bringing.files(&page).await?;
        count += page.len();
        shared.records.import(&Page::Messages(page)).await?;
        tell(&format!("{count} messages"));
    }
    let (mut uploads, mut count) = (records.kept_uploads(), 0);
    while let Some(page) = some(uploads.next().await?) {
        bringing.uploads(&page).await?;
        count += page.len();
        shared.records.import(&Page::Uploads(page)).await?;
        tell(&format!("{count} uploads"));
    }
    let (own, found) = (Tally::of(records).await?, Tally::from(shared.records.tally().await?));
    if own == found { Ok(()) } else { Err(MoveError::Differs(Box::new([own, found]))) }
}

/// The page, if there is anything in it.
fn some<T>(page: Vec<T>) -> Option<Vec<T>> {
    (!page.is_empty()).then_some(page)
}
