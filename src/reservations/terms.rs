//! The settings for room.

use std::time::Duration;

use crate::upload::Quota;

/// The terms of a user: how much a user may have, and for how long room is kept.
#[derive(Debug, Clone)]
pub struct Terms {
    /// The most bytes of an upload.
    pub max_upload_size: u64,
    /// The most that a user's unfinished uploads may come to.
    pub quota: Quota,
    /// How long an upload may be silent before the room that is kept for it goes to others that send.
    pub lapse_after: Duration,
}
