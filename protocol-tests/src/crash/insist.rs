use std::io;
use std::time::{Duration, Instant};

/// How long the server may be away before it counts as a hang. A message may wait for a part that is put
/// again after a minute.
const HANG: Duration = Duration::from_secs(180);

/// Repeats an attempt until it succeeds, as clients do.
///
/// # Panics
/// When the attempt has not succeeded in time.
pub(super) async fn insist<T>(mut attempt: impl AsyncFnMut() -> io::Result<T>) -> T {
    let end = Instant::now() + HANG;
    loop {
        match attempt().await {
            Ok(done) => return done,
            Err(error) => assert!(Instant::now() < end, "a client does not get on: {error}"),
        }
        tokio::time::sleep(super::PAUSE).await;
    }
}
