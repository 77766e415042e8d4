//! Waiting for something to become true, never for time to pass.

use std::time::{Duration, Instant};

/// Long enough for anything on a loaded machine; only a hang reaches it.
pub const BOUND: Duration = Duration::from_secs(60);

/// How often a condition that cannot be waited for is looked at.
pub(crate) const STEP: Duration = Duration::from_millis(20);

/// Asks `probe` again and again until it answers, and returns its answer.
///
/// # Panics
/// After [`BOUND`], naming what did not happen.
pub async fn until<T>(what: &str, mut probe: impl AsyncFnMut() -> Option<T>) -> T {
    let end = Instant::now() + BOUND;
    loop {
        if let Some(answer) = probe().await {
            return answer;
        }
        assert!(Instant::now() < end, "this did not happen within {BOUND:?}: {what}");
        tokio::time::sleep(STEP).await;
    }
}

/// Asks `holds` again and again until it says yes.
///
/// # Panics
/// After [`BOUND`], naming what did not happen.
pub async fn until_true(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    until(what, async || holds().await.then_some(())).await;
}

/// Waits for `work`, which should take no time to speak of.
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
