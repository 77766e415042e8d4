//! A lock for tests that need the machine for themselves.

use tokio::sync::{Mutex, MutexGuard};

static HEAVY: Mutex<()> = Mutex::const_new(());

/// Waits for the lock. Tests that move hundreds of megabytes hold it, so that two of them do not share two
/// cores and one disk.
pub async fn alone() -> MutexGuard<'static, ()> {
    HEAVY.lock().await
}
