//! Messages in the making: how the end of the server knows whom to wait for.

use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

/// One connection's messages in the making.
#[derive(Debug)]
pub(super) struct Work {
    of_connection: TaskTracker,
    of_all: TaskTracker,
}

/// A message in the making, from when its event came until its sender has been answered.
#[derive(Debug)]
pub(super) struct Job {
    _of_connection: TaskTrackerToken,
    _of_all: TaskTrackerToken,
}

impl Work {
    /// Of a new connection; all that is done counts there too.
    pub(super) fn among(of_all: &TaskTracker) -> Self {
        Self { of_connection: TaskTracker::new(), of_all: of_all.clone() }
    }

    /// Begins a message.
    pub(super) fn begin(&self) -> Job {
        Job { _of_connection: self.of_connection.token(), _of_all: self.of_all.token() }
    }

    /// Whether there is any.
    pub(super) fn is_under_way(&self) -> bool {
        !self.of_connection.is_empty()
    }
}
