//! What a record store that carries bytes asks of the files that they belong to. A file may also become a message's before it is synced: then the journal carries where it went as well.
//!
//! ```text
//! left behind by a power cut                what the next start does
//! before the journal had them               bytes without a row, or none: cut off
//! after it, before the file was synced      writes the bytes again, and moves the file if that was undone
//! after that, before they were let go of    the same, to no effect
//! ```

use bytes::Bytes;

use crate::store::{Place, StoreError};
use crate::upload::UploadId;

/// Files whose bytes a record store carries until they are durable. Everything here blocks.
pub trait Files: Send + Sync + 'static {
    /// Makes everything durable that was written of these uploads, wherever their files are by now. One that
    /// is synced, or gone, needs nothing.
    ///
    /// # Errors
    /// What the operating system says. Then nobody knows what the disk has; but with
    /// [`StoreError::Unavailable`] nothing is different from before, and it may be asked again.
    fn settle(&self, ids: &[UploadId]) -> Result<(), StoreError>;

    /// Brings the files in order at the start, and writes again what a power cut may have taken, durably. Doing it
    /// twice is doing it once. An upload of which
    /// the bytes before those are gone stays as it is, for whoever goes on with it to find.
    ///
    /// # Errors
    /// What the operating system says.
    fn restore(&self, carried: &[Carried]) -> Result<(), StoreError>;
}

/// What is carried of an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Carried {
    /// The upload.
    pub id: UploadId,
    /// Bytes and their offsets, in order.
    pub pieces: Vec<(u64, Bytes)>,
    /// Where its file goes, or went.
    pub place: Option<Placement>,
}

/// Where the file of an upload goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    /// The place.
    pub place: Place,
    /// The length of the whole file.
    pub length: u64,
    /// Whether it went there for good: the message is committed.
    pub is_committed: bool,
}
