//! The settings for room.

use std::time::Duration;

/// The terms of a user: how much a user may have, and for how long room is kept.
#[derive(Debug, Clone)]
pub struct Terms {
    /// The most bytes of an upload.
    pub max_upload_size: u64,
    /// The most unfinished uploads of a user.
    pub max_unfinished: u64,
    /// The most bytes that a user's unfinished uploads may come to.
    pub max_reserved_bytes: u64,
    /// How long an upload may be silent before the room that is kept for it goes to others that send.
    pub lapse_after: Duration,
}
