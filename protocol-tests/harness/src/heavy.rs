//! Tests that want the machine for themselves.

use tokio::sync::{Mutex, MutexGuard};

static HEAVY: Mutex<()> = Mutex::const_new(());

/// Held by tests that move hundreds of megabytes, so that two of them do not share two cores
/// and one disk.
pub async fn alone() -> MutexGuard<'static, ()> {
    HEAVY.lock().await
}
