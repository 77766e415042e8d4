use std::sync::Arc;

use tokio::sync::{OwnedRwLockWriteGuard, RwLock, RwLockReadGuard};

/// What clients pass with each request, and what is closed while the server is looked at: then no request is
/// under way, and none begins.
#[derive(Debug, Default)]
pub(super) struct Gate(Arc<RwLock<()>>);

/// A request under way.
pub(super) type Pass<'a> = RwLockReadGuard<'a, ()>;
/// Nobody gets through while it lives.
pub(super) type Closed = OwnedRwLockWriteGuard<()>;

impl Gate {
    pub(super) async fn pass(&self) -> Pass<'_> {
        self.0.read().await
    }

    /// Waits until the requests under way have ended; those of a server that is dead end at once.
    pub(super) async fn close(&self) -> Closed {
        Arc::clone(&self.0).write_owned().await
    }
}
