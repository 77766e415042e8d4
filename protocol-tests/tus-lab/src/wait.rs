//! Waiting for something to become true, never for time to pass.

use std::time::{Duration, Instant};

/// The bound of every wait: long enough for a loaded machine, so that only a hang reaches it.
pub const BOUND: Duration = Duration::from_secs(60);

/// The pause between two looks at a condition that cannot be waited for.
pub(crate) const STEP: Duration = Duration::from_millis(20);

/// Calls `probe` again and again until it returns a value, and returns it.
///
/// # Panics
/// After [`BOUND`], naming what did not happen, even if that is that a probe comes to its end.
pub async fn until<T>(what: &str, mut probe: impl AsyncFnMut() -> Option<T>) -> T {
    let end = Instant::now() + BOUND;
    loop {
        match tokio::time::timeout_at(end.into(), probe()).await {
            Ok(Some(answer)) => return answer,
            Ok(None) if Instant::now() < end => tokio::time::sleep(STEP).await,
            Ok(None) | Err(_) => panic!("this did not happen within {BOUND:?}: {what}"),
        }
    }
}

/// Calls `holds` again and again until it is true.
///
/// # Panics
/// After [`BOUND`], naming what did not happen.
pub async fn until_true(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    until(what, async || holds().await.then_some(())).await;
}

/// Waits for `work`, at most [`BOUND`].
///
/// # Panics
/// After [`BOUND`], naming what hung.
pub async fn bounded<T>(what: &str, work: impl Future<Output = T>) -> T {
    within(BOUND, what, work).await
}

/// Waits for `work`, at most `bound`.
///
/// # Panics
/// When the bound has passed, naming what hung.
pub async fn within<T>(bound: Duration, what: &str, work: impl Future<Output = T>) -> T {
    match tokio::time::timeout(bound, work).await {
        Ok(done) => done,
        Err(_) => panic!("this took longer than {bound:?}: {what}"),
    }
}
