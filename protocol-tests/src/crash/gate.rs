use std::sync::Arc;

use tokio::sync::{OwnedRwLockWriteGuard, RwLock, RwLockReadGuard};

/// The gate that each request of a client passes. It is closed while the server is audited: then no request
/// is under way, and none begins.
#[derive(Debug, Default)]
pub(super) struct Gate(Arc<RwLock<()>>);

/// The pass of a request under way.
pub(super) type Pass<'a> = RwLockReadGuard<'a, ()>;
/// The closed gate: no request passes while this lives.
pub(super) type Closed = OwnedRwLockWriteGuard<()>;

impl Gate {
    pub(super) async fn pass(&self) -> Pass<'_> {
        self.0.read().await
    }

    /// Waits until the requests under way have ended; those to a dead server end at once.
    pub(super) async fn close(&self) -> Closed {
        Arc::clone(&self.0).write_owned().await
    }
}
