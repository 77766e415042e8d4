//! What a token with a good signature says.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::error::AuthError;
use crate::message::UserId;
use crate::time::Timestamp;

/// How far an issuer's clock may be ahead of ours. Only `nbf` has a leeway: a token that is refused a little
/// too early would be refused for no reason, while one that has expired can be renewed.
pub const NBF_LEEWAY_SECS: u64 = 60;

/// The claims (RFC 7519 §4).
#[derive(Debug, Deserialize)]
pub(super) struct Claims(Map<String, Value>);

impl Claims {
    /// The first of these claims that is a user id.
    pub(super) fn user(&self, names: &[String]) -> Result<UserId, AuthError> {
        names.iter().find_map(|name| self.0.get(name)?.as_str()?.parse().ok()).ok_or(AuthError::Invalid)
    }

    /// Whether `scope` (RFC 8693 §4.2, words separated by spaces) contains `admin`.
    pub(super) fn is_admin(&self) -> bool {
        self.text("scope").is_some_and(|scope| scope.split(' ').any(|word| word == "admin"))
    }

    /// Whether it has expired: `exp` is required and has no leeway.
    pub(super) fn is_expired(&self, now: Timestamp) -> Result<bool, AuthError> {
        let exp = self.date("exp")?.ok_or(AuthError::Invalid)?;
        Ok(exp <= secs(now))
    }

    /// When it expires.
    pub(super) fn expires_at(&self) -> Result<Timestamp, AuthError> {
        Ok(Timestamp::from_numeric_date(self.date("exp")?.ok_or(AuthError::Invalid)?))
    }

    /// Refuses a token that is not valid yet.
    pub(super) fn require_begun(&self, now: Timestamp) -> Result<(), AuthError> {
        let latest = secs(now.plus_secs(NBF_LEEWAY_SECS));
        match self.date("nbf")? {
            Some(nbf) if nbf > latest => Err(AuthError::Invalid),
            _ => Ok(()),
        }
    }

    /// Refuses a token that is for somebody else. Without an audience of our own every token is for us.
    pub(super) fn require_audience(&self, audience: Option<&str>) -> Result<(), AuthError> {
        let Some(audience) = audience else { return Ok(()) };
        let is_ours = match self.0.get("aud") {
            Some(Value::String(one)) => one == audience,
            Some(Value::Array(many)) => many.iter().any(|one| one == audience),
            _ => false,
        };
        if is_ours { Ok(()) } else { Err(AuthError::Invalid) }
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    /// A NumericDate (RFC 7519 §2), which may have a fraction; of another type it is malformed, not absent.
    fn date(&self, name: &str) -> Result<Option<f64>, AuthError> {
        match self.0.get(name) {
            None => Ok(None),
            Some(value) => value.as_f64().map(Some).ok_or(AuthError::Invalid),
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

    fn claims(value: &Value) -> Claims {
        serde_json::from_value(value.clone()).expect("an object")
    }

    fn at(secs: u64) -> Timestamp {
        Timestamp::from_millis(secs * 1000)
    }

    #[test]
    fn the_user_is_the_first_claim_that_is_a_user_id() {
        let names = ["sub", "email", "uid"].map(str::to_owned);
        for (token, user) in [
            (json!({"sub": "a", "email": "b", "uid": "c"}), Some("a")),
            (json!({"email": "b", "uid": "c"}), Some("b")),
            (json!({"sub": "", "email": "b"}), Some("b")),
            (json!({"sub": 7, "uid": "c"}), Some("c")),
            (json!({"sub": "a\nb"}), None),
            (json!({"sub": "x".repeat(257)}), None),
            (json!({"name": "a"}), None),
        ] {
            let found = claims(&token).user(&names).ok();
            assert_eq!(found.as_ref().map(UserId::as_str), user, "{token}");
        }
    }

    #[test]
    fn dates_hold_to_the_second() {
        // claims; expired at 100 s, valid yet at 100 s
        for (token, expired, begun) in [
            (json!({"exp": 101}), Some(false), true),
            (json!({"exp": 100}), Some(true), true),
            (json!({"exp": 100.5}), Some(false), true),
            (json!({"exp": 99}), Some(true), true),
            (json!({}), None, true),
            (json!({"exp": null}), None, true),
            (json!({"exp": "101"}), None, true),
            (json!({"exp": -1}), Some(true), true),
            (json!({"exp": 1e300}), Some(false), true),
            (json!({"exp": 101, "nbf": 160}), Some(false), true),
            (json!({"exp": 101, "nbf": 161}), Some(false), false),
            (json!({"exp": 101, "nbf": "1"}), Some(false), false),
        ] {
            assert_eq!(claims(&token).is_expired(at(100)).ok(), expired, "{token}");
            assert_eq!(claims(&token).require_begun(at(100)).is_ok(), begun, "{token}");
        }
    }

    #[test]
    fn an_audience_counts_only_if_we_have_one() {
        for (token, ours, accepted) in [
            (json!({}), None, true),
            (json!({"aud": "chat"}), None, true),
            (json!({"aud": ["a", "b"]}), None, true),
            (json!({"aud": "chat"}), Some("chat"), true),
            (json!({"aud": ["a", "chat"]}), Some("chat"), true),
            (json!({"aud": "chats"}), Some("chat"), false),
            (json!({"aud": []}), Some("chat"), false),
            (json!({}), Some("chat"), false),
        ] {
            assert_eq!(claims(&token).require_audience(ours).is_ok(), accepted, "{token} {ours:?}");
        }
    }

    #[test]
    fn admin_is_a_word_of_the_scope() {
        for (token, admin) in [
            (json!({"scope": "admin"}), true),
            (json!({"scope": "read admin"}), true),
            (json!({"scope": "administrator"}), false),
            (json!({"scope": "ADMIN"}), false),
            (json!({"scope": ["admin"]}), false),
            (json!({"scope": ""}), false),
            (json!({}), false),
        ] {
            assert_eq!(claims(&token).is_admin(), admin, "{token}");
        }
    }
}
