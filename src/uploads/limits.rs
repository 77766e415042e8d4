//! The bounds of uploads.

use std::time::Duration;

use crate::reservations::Terms;

/// What the settings say about uploads.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The most bytes of an upload.
    pub max_upload_size: u64,
    /// An upload without a byte for so many seconds goes away.
    pub expire_after_secs: u64,
    /// The upload of a published message is there for so many seconds after it.
    pub result_window_secs: u64,
    /// A body that says nothing for so long is given up.
    pub body_idle: Duration,
    /// The most unfinished uploads of a user.
    pub max_unfinished: u64,
    /// The most bytes that a user's unfinished uploads may come to.
    pub max_reserved_bytes: u64,
    /// Room that is kept for an upload to which nothing came for so long goes to others that send.
    pub lapse_after: Duration,
    /// Whether the SHA-256 of every file is taken.
    pub digests: bool,
}

impl Limits {
    /// Those of them that are about room.
    pub fn terms(&self) -> Terms {
        Terms {
            max_upload_size: self.max_upload_size,
            max_unfinished: self.max_unfinished,
            max_reserved_bytes: self.max_reserved_bytes,
            lapse_after: self.lapse_after,
        }
    }
}
