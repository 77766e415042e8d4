//! Rights that a token grants by its claims: few, whatever else the token contains.

use super::claims::Claims;
use super::error::AuthError;
use super::rules::Rules;
use crate::message::UserId;
use crate::time::Timestamp;

/// How far an issuer's clock may be ahead of this server's. Only `nbf` has a leeway: a token refused a little
/// too early would be refused for no reason, while one that has expired can be renewed.
pub const NBF_LEEWAY_SECS: u64 = 60;

/// The rights of a token: for which user, for what, and from when to when.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Grant {
    pub(super) user: UserId,
    pub(super) admin: bool,
    pub(super) backend: bool,
    /// `nbf`, in seconds.
    pub(super) begins: Option<f64>,
    /// `exp`, in seconds.
    pub(super) ends: f64,
}

impl Grant {
    /// The grant of these claims under these rules. A malformed claim that counts refuses the token: read as
    /// absent, it would let another claim decide.
    pub(super) fn of(claims: &Claims, rules: &Rules) -> Result<Self, AuthError> {
        claims.require_audience(rules.audience.as_deref())?;
        claims.require_issuer(rules.issuer.as_deref())?;
        Ok(Self {
            user: claims.user(&rules.user_claims)?,
            admin: claims.is_admin(),
            backend: claims.has_scope("backend"),
            begins: claims.date("nbf")?,
            ends: claims.date("exp")?.ok_or(AuthError::Invalid)?,
        })
    }

    /// Whether the grant has expired: `exp` has no leeway.
    pub(super) fn is_expired(&self, now: Timestamp) -> bool {
        self.ends <= secs(now)
    }

    /// Refuses a grant that is not valid yet.
    pub(super) fn require_begun(&self, now: Timestamp) -> Result<(), AuthError> {
        let latest = secs(now.plus_secs(NBF_LEEWAY_SECS));
        match self.begins {
            Some(begins) if begins > latest => Err(AuthError::Invalid),
            _ => Ok(()),
        }
    }
}

/// Seconds with their fraction, as a NumericDate.
fn secs(at: Timestamp) -> f64 {
    std::time::Duration::from_millis(at.millis()).as_secs_f64()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(secs: u64) -> Timestamp {
        Timestamp::from_millis(secs * 1000)
    }

    #[test]
    fn dates_hold_to_the_second() {
        // claims; expired at 100 s, valid yet at 100 s
        for (mut token, expired, begun) in [
            (json!({"exp": 101}), Some(false), true),
            (json!({"exp": 100}), Some(true), true),
            (json!({"exp": 100.5}), Some(false), true),
            (json!({"exp": 99}), Some(true), true),
            (json!({}), None, false),
            (json!({"exp": null}), None, false),
            (json!({"exp": "101"}), None, false),
            (json!({"exp": [101]}), None, false),
            (json!({"exp": true}), None, false),
            (json!({"exp": -1}), Some(true), true),
            (json!({"exp": 1e300}), Some(false), true),
            (json!({"exp": 101, "nbf": null}), Some(false), true),
            (json!({"exp": 101, "nbf": 160}), Some(false), true),
            (json!({"exp": 101, "nbf": 161}), Some(false), false),
            (json!({"exp": 101, "nbf": "1"}), None, false),
            (json!({"exp": 101, "nbf": {}}), None, false),
        ] {
            token["sub"] = json!("ada");
            let claims = serde_json::from_value(token.clone()).expect("an object");
            let grant = Grant::of(&claims, &Rules::default()).ok();
            assert_eq!(grant.as_ref().map(|grant| grant.is_expired(at(100))), expired, "{token}");
            let has_begun = grant.is_some_and(|grant| grant.require_begun(at(100)).is_ok());
            assert_eq!(has_begun, begun, "{token}");
        }
    }
}
