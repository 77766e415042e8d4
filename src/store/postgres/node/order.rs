//! The orders of a node's requests to its line.

use std::time::Instant;

use tokio::sync::oneshot;

use super::said::Said;
use crate::upload::{Epoch, UploadId};

/// Work for the line.
#[derive(Debug)]
pub(super) enum Order {
    /// To take the node's name off what a request let go, and then to tell those who asked.
    LetGo { id: UploadId, taken: Taken, askers: Vec<i32> },
    /// To tell the listeners of a channel something, if that can be done by then. A holder that is asked
    /// later, for a request that waits no longer, would let go for nothing.
    Tell { channel: String, said: Said, until: Option<Instant> },
    /// To end the node, after all that was ordered before. The sender is dropped when that is done.
    Leave { _done: oneshot::Sender<()> },
}

/// What a request has taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// Nothing. Another node may hold the upload, or there is no record of it.
    Nothing,
    /// Nothing, or the upload: it was asked for, and there was no answer.
    Perhaps,
    /// The upload.
    At(Epoch),
}
