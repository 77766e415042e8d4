use std::io;
use std::time::{Duration, Instant};

/// The server is never away for so long.
const HANG: Duration = Duration::from_secs(60);

/// Tries again and again, as clients do.
///
/// # Panics
/// When the server is there and the client does not get on all the same.
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
