//! Messages in the making, which the server waits for before it ends.

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
    /// The work of a new connection, which counts among that of all.
    pub(super) fn among(of_all: &TaskTracker) -> Self {
        Self { of_connection: TaskTracker::new(), of_all: of_all.clone() }
    }

    /// Counts a message that begins.
    pub(super) fn begin(&self) -> Job {
        Job { _of_connection: self.of_connection.token(), _of_all: self.of_all.token() }
    }

    /// Whether any message is in the making.
    pub(super) fn is_under_way(&self) -> bool {
        !self.of_connection.is_empty()
    }
}
