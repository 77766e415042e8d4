//! The claims of a token with a valid signature.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::error::AuthError;
use crate::message::UserId;

/// The claims (RFC 7519 §4). `null` counts as absent; a malformed claim never does.
#[derive(Debug, Deserialize)]
pub(super) struct Claims(Map<String, Value>);

impl Claims {
    /// The user, by the first of these claims that is present.
    pub(super) fn user(&self, names: &[String]) -> Result<UserId, AuthError> {
        let claim = names.iter().find_map(|name| self.get(name)).ok_or(AuthError::Invalid)?;
        claim.as_str().and_then(|text| text.parse().ok()).ok_or(AuthError::Invalid)
    }

    /// Whether `scope` (RFC 8693 §4.2, words separated by spaces) contains `admin`. A scope in another form,
    /// as some issuers write it, grants nothing; the token is still valid for all that needs no scope.
    pub(super) fn is_admin(&self) -> bool {
        self.has_scope("admin")
    }

    /// Whether `scope` contains this word.
    pub(super) fn has_scope(&self, wanted: &str) -> bool {
        let scope = self.get("scope").and_then(Value::as_str);
        scope.is_some_and(|scope| scope.split(' ').any(|word| word == wanted))
    }

    /// Refuses a token for another audience. If the server has no audience, every token is accepted.
    pub(super) fn require_audience(&self, audience: Option<&str>) -> Result<(), AuthError> {
        let Some(audience) = audience else { return Ok(()) };
        let is_ours = match self.get("aud") {
            Some(Value::String(one)) => one == audience,
            Some(Value::Array(many)) => {
                many.iter().all(Value::is_string) && many.iter().any(|one| one == audience)
            }
            _ => false,
        };
        if is_ours { Ok(()) } else { Err(AuthError::Invalid) }
    }

    /// Refuses a token of another issuer, if the server demands one.
    pub(super) fn require_issuer(&self, issuer: Option<&str>) -> Result<(), AuthError> {
        let Some(issuer) = issuer else { return Ok(()) };
        if self.get("iss").is_some_and(|iss| iss == issuer) { Ok(()) } else { Err(AuthError::Invalid) }
    }

    /// A NumericDate (RFC 7519 §2), in seconds, which may have a fraction.
    pub(super) fn date(&self, name: &str) -> Result<Option<f64>, AuthError> {
        self.get(name).map(|value| value.as_f64().ok_or(AuthError::Invalid)).transpose()
    }

    fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn claims(value: &Value) -> Claims {
        serde_json::from_value(value.clone()).expect("an object")
    }

    #[test]
    fn the_first_claim_that_is_there_is_the_user_or_nobody_is() {
        let names = ["sub", "email", "uid"].map(str::to_owned);
        for (token, user) in [
            (json!({"sub": "a", "email": "b", "uid": "c"}), Some("a")),
            (json!({"email": "b", "uid": "c"}), Some("b")),
            (json!({"uid": "c"}), Some("c")),
            (json!({"sub": null, "email": "b"}), Some("b")),
            (json!({"sub": 7, "email": "b"}), None),
            (json!({"sub": "", "email": "b"}), None),
            (json!({"sub": false, "email": "b"}), None),
            (json!({"sub": ["a"], "email": "b"}), None),
            (json!({"sub": {"id": "a"}, "email": "b"}), None),
            (json!({"sub": "a\nb", "email": "b"}), None),
            (json!({"sub": "a\u{0}", "email": "b"}), None),
            (json!({"sub": "x".repeat(257), "email": "b"}), None),
            (json!({"sub": null, "email": 7, "uid": "c"}), None),
            (json!({"Sub": "a", "name": "a"}), None),
            (json!({"sub": null, "email": null, "uid": null}), None),
            (json!({}), None),
        ] {
            let found = claims(&token).user(&names).ok();
            assert_eq!(found.as_ref().map(UserId::as_str), user, "{token}");
        }
    }

    #[test]
    fn an_audience_counts_only_if_we_have_one() {
        for (token, ours, accepted) in [
            (json!({}), None, true),
            (json!({"aud": 7}), None, true),
            (json!({"aud": "chat"}), None, true),
            (json!({"aud": ["a", "b"]}), None, true),
            (json!({"aud": "chat"}), Some("chat"), true),
            (json!({"aud": ["a", "chat"]}), Some("chat"), true),
            (json!({"aud": "chats"}), Some("chat"), false),
            (json!({"aud": "a chat"}), Some("chat"), false),
            (json!({"aud": ["chat", 7]}), Some("chat"), false),
            (json!({"aud": [["chat"]]}), Some("chat"), false),
            (json!({"aud": {"chat": "chat"}}), Some("chat"), false),
            (json!({"aud": 7}), Some("chat"), false),
            (json!({"aud": []}), Some("chat"), false),
            (json!({"aud": null}), Some("chat"), false),
            (json!({}), Some("chat"), false),
        ] {
            assert_eq!(claims(&token).require_audience(ours).is_ok(), accepted, "{token} {ours:?}");
        }
    }

    #[test]
    fn an_issuer_counts_only_if_we_ask_for_one() {
        let ours = Some("https://id.example");
        for (token, asked, accepted) in [
            (json!({}), None, true),
            (json!({"iss": 7}), None, true),
            (json!({"iss": "https://id.example"}), ours, true),
            (json!({"iss": "https://id.example/"}), ours, false),
            (json!({"iss": "HTTPS://id.example"}), ours, false),
            (json!({"iss": ["https://id.example"]}), ours, false),
            (json!({"iss": null}), ours, false),
            (json!({}), ours, false),
        ] {
            assert_eq!(claims(&token).require_issuer(asked).is_ok(), accepted, "{token} {asked:?}");
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
            (json!({"scope": {"admin": true}}), false),
            (json!({"scope": 7}), false),
            (json!({"scope": null}), false),
            (json!({"scope": ""}), false),
            (json!({}), false),
        ] {
            assert_eq!(claims(&token).is_admin(), admin, "{token}");
        }
    }
}
