//! The end of a connection's token, which is the connection's own: the client connects again with a fresh one. Likewise
//! it ends when too much waits for it to be read.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use socketioxide::socket::Sid;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::open::Engine;
use super::transport::Guest;
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

    /// Closes the connection of this session when its token expires, or ends it when it reads too slowly.
    pub(super) fn watch(self, engine: &Engine, sid: Sid, guest: Option<&Arc<Guest>>) -> Watch {
        let (engine, ended) = (engine.clone(), CancellationToken::new());
        let until_dropped = ended.clone().drop_guard();
        // The session is not kept by its own watch.
        let over = guest.map(|guest| guest.backlog().over());
        tokio::spawn(async move {
            let is_too_slow = tokio::select! {
                () = ended.cancelled() => return,
                () = self.passed() => false,
                () = async { if let Some(over) = over { over.await } else { pending().await } } => true,
            };
            // Closing goes on though the connection, and its watch with it, are gone meanwhile.
            let Some(socket) = engine.io.get_socket(sid) else { return };
            if is_too_slow {
                tracing::warn!(%sid, "a connection was too slow for what it was told, and ends");
                engine.transports.end(&socket).await;
            } else {
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
