//! The port to the files whose bytes a record store carries. A file may also become a message's before it is
//! synced: then the journal carries its place as well.
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
    /// Makes durable everything that was written of these uploads, wherever their files are by now. An upload
    /// whose file is synced, or gone, needs nothing.
    ///
    /// # Errors
    /// The error of the operating system; after it, it is unknown what the disk has. After
    /// [`StoreError::Unavailable`] nothing has changed, and the call may be repeated.
    fn settle(&self, ids: &[UploadId]) -> Result<(), StoreError>;

    /// Brings the files in order at the start, and writes again, durably, what a power cut may have taken;
    /// may be repeated. An upload that lost the bytes before the carried ones stays as it is, for its next
    /// holder to find.
    ///
    /// # Errors
    /// The error of the operating system.
    fn restore(&self, carried: &[Carried]) -> Result<(), StoreError>;
}

/// The bytes and the place that are carried of an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Carried {
    /// The upload.
    pub id: UploadId,
    /// The bytes and their offsets, in order.
    pub pieces: Vec<(u64, Bytes)>,
    /// The place that its file goes or went to.
    pub place: Option<Placement>,
}

/// The place that the file of an upload goes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    /// The place.
    pub place: Place,
    /// The length of the whole file.
    pub length: u64,
    /// Whether the move is final: the message is committed.
    pub is_committed: bool,
}
