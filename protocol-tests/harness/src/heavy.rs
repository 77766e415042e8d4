//! A lock for tests that need the machine for themselves.

use std::fs::File;

use tokio::sync::{Mutex, MutexGuard};

static HEAVY: Mutex<()> = Mutex::const_new(());

/// The lock of a test, until it ends.
#[derive(Debug)]
pub struct Alone {
    _in_process: MutexGuard<'static, ()>,
    _among_processes: File,
}

/// Waits for the lock. Tests that move hundreds of megabytes hold it, so that two of them do not share two
/// cores and one disk.
///
/// # Panics
/// When the lock cannot be had at all.
pub async fn alone() -> Alone {
    let in_process = HEAVY.lock().await;
    let among_processes = tokio::task::spawn_blocking(|| {
        // It is let go when it is closed, also by a process that is killed.
        let folder = File::open(env!("CARGO_MANIFEST_DIR")).expect("the sources are there");
        folder.lock().expect("a folder can be locked");
        folder
    });
    let among_processes = among_processes.await.expect("no panic");
    Alone { _in_process: in_process, _among_processes: among_processes }
}
