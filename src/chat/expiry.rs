//! The time until which a connection's token is valid.

use std::time::Duration;

use crate::auth::AuthError;
use crate::time::Timestamp;

/// The longest wait between two looks at the system's clock: it may be set, and timers run by another clock.
const LOOK: Duration = Duration::from_secs(600);

/// The time until which a token is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Expiry(pub(super) Timestamp);

impl Expiry {
    /// Refuses a request whose token has expired.
    ///
    /// # Errors
    /// [`AuthError::Invalid`], as over HTTP.
    pub(super) fn judge(self, now: Timestamp) -> Result<(), AuthError> {
        if now < self.0 { Ok(()) } else { Err(AuthError::Invalid) }
    }

    /// Waits until the token has expired.
    pub(super) async fn passed(self) {
        while let Some(left) = self.left(Timestamp::now()) {
            tokio::time::sleep(left.min(LOOK)).await;
        }
    }

    /// How long the token stays valid; `None` once it has expired.
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
