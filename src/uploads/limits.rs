//! The bounds of uploads.

use std::time::Duration;

use crate::reservations::Terms;
use crate::upload::{Digests, Quota};

/// The settings of uploads.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The most bytes of an upload.
    pub max_upload_size: u64,
    /// How many seconds an upload may be without a byte before it expires.
    pub expire_after_secs: u64,
    /// How many seconds the upload of a published message is kept after the message.
    pub result_window_secs: u64,
    /// How long a body may be silent before it is given up.
    pub body_idle: Duration,
    /// The most unfinished uploads of a user.
    pub max_unfinished: u64,
    /// The most bytes that a user's unfinished uploads may come to.
    pub max_reserved_bytes: u64,
    /// How long an upload may be silent before the room that is kept for it goes to others that send.
    pub lapse_after: Duration,
    /// Which files have their SHA-256 computed.
    pub digests: Digests,
}

impl Limits {
    /// The limits that are about room.
    pub fn terms(&self) -> Terms {
        Terms {
            max_upload_size: self.max_upload_size,
            quota: Quota { uploads: self.max_unfinished, bytes: self.max_reserved_bytes },
            lapse_after: self.lapse_after,
        }
    }
}
