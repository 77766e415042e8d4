//! The port of duties: work beside the requests that one process does for all that serve the same stores.
//!
//! A duty saves work and decides nothing. A process that was cut off from the others may go on for a while
//! with what another has begun, so whatever is done under a duty may be done twice.

use async_trait::async_trait;

use super::error::StoreError;

/// Work that one process does at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Duty {
    /// Driving uploads on that are owed a message.
    Recover,
    /// Announcing messages that the process which committed them did not announce.
    Publish,
    /// Expiring abandoned uploads, and removing the records of those that are over.
    Sweep,
    /// Freeing bytes that no record needs.
    Orphans,
    /// Freeing what is in an object store and in no row.
    Leftovers,
}

/// The duties of one process.
#[async_trait]
pub trait Duties: Send + Sync + 'static {
    /// Whether the duty is this process's, for the round of work that is about to begin. A process takes a
    /// duty that no other has, and keeps it from round to round until it ends, or is cut off from the others.
    async fn is_mine(&self, duty: Duty) -> Result<bool, StoreError>;
}
