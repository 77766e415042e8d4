//! The end of a connection's token, which is the connection's own: the client connects again with a fresh one.

use std::time::Duration;

use tokio_util::sync::{CancellationToken, DropGuard};

use super::open::Engine;
use crate::auth::AuthError;
use crate::time::Timestamp;

/// The system's clock is looked at so often at the least: it may be set, and a timer runs by another one.
const LOOK: Duration = Duration::from_secs(600);

/// Until when a token is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Expiry(pub(super) Timestamp);

/// A connection's watch; dropping it ends it.
#[derive(Debug)]
pub(super) struct Watch {
    _until_dropped: DropGuard,
}

impl Expiry {
    /// Refuses what a client asks for with a token that has expired.
    ///
    /// # Errors
    /// [`AuthError::Invalid`], as over HTTP.
    pub(super) fn judge(self, now: Timestamp) -> Result<(), AuthError> {
        if now < self.0 { Ok(()) } else { Err(AuthError::Invalid) }
    }

    /// Closes the connection of this session when its token expires.
    pub(super) fn watch(self, engine: &Engine, sid: socketioxide::socket::Sid) -> Watch {
        let (engine, ended) = (engine.clone(), CancellationToken::new());
        let until_dropped = ended.clone().drop_guard();
        tokio::spawn(async move {
            if ended.run_until_cancelled(self.passed()).await.is_none() {
                return;
            }
            // Closing goes on though the connection, and its watch with it, are gone meanwhile.
            if let Some(socket) = engine.io.get_socket(sid) {
                tracing::debug!(%sid, "a connection's token has expired");
                engine.transports.close(&socket).await;
            }
        });
        Watch { _until_dropped: until_dropped }
    }

    async fn passed(self) {
        while let Some(left) = self.left(Timestamp::now()) {
            tokio::time::sleep(left.min(LOOK)).await;
        }
    }

    /// How long the token is good for from now on.
    fn left(self, now: Timestamp) -> Option<Duration> {
        let left = self.0.millis().saturating_sub(now.millis());
        (left > 0).then(|| Duration::from_millis(left))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn a_token_is_good_until_its_expiry() {
        for (expires, now, left) in [
            (1000, 0, Some(1000)),
            (1000, 999, Some(1)),
            (1000, 1000, None),
            (1000, 1001, None),
            (0, 0, None),
            (u64::MAX, 0, Some(at(u64::MAX).millis())),
        ] {
            let expiry = Expiry(at(expires));
            assert_eq!(expiry.left(at(now)), left.map(Duration::from_millis), "{expires} at {now}");
            assert_eq!(expiry.judge(at(now)).is_ok(), left.is_some(), "{expires} at {now}");
        }
        assert_eq!(
            Expiry(at(1)).judge(at(1)).map_err(|e| e.to_string()),
            Err("Invalid or expired token".into())
        );
    }
}
