//! Tokens of users.

use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Map, Value, json};

use crate::issuer::SigningKey;

/// The secret that every server of these tests is started with.
pub const SECRET: &str = "a secret that only the tests and their servers know";

/// How long ago an expired token ran out: far beyond the leeway that a verifier grants.
const PAST_SECS: u64 = 24 * 60 * 60;

/// Mints bearer tokens, right ones and every kind of wrong one.
#[derive(Debug, Clone)]
pub struct Token {
    claims: Map<String, Value>,
    secret: String,
    algorithm: Algorithm,
}

impl Token {
    /// A token of this user that is good for an hour.
    #[must_use]
    pub fn of(user: &str) -> Self {
        let claims =
            Map::from_iter([("sub".to_owned(), json!(user)), ("exp".to_owned(), json!(now() + 3600))]);
        Self { claims, secret: SECRET.to_owned(), algorithm: Algorithm::HS256 }
    }

    /// The token with this claim set.
    #[must_use]
    pub fn with(mut self, claim: &str, value: impl Into<Value>) -> Self {
        self.claims.insert(claim.to_owned(), value.into());
        self
    }

    /// The token without this claim.
    #[must_use]
    pub fn without(mut self, claim: &str) -> Self {
        self.claims.remove(claim);
        self
    }

    /// The token, but it expired a day ago.
    #[must_use]
    pub fn expired(self) -> Self {
        self.with("exp", now() - PAST_SECS)
    }

    /// The token, signed with another secret than the server's.
    #[must_use]
    pub fn forged(mut self) -> Self {
        self.secret = "another secret of the same length or thereabouts".to_owned();
        self
    }

    /// The token, signed with this secret.
    #[must_use]
    pub fn signed_by(mut self, secret: &str) -> Self {
        secret.clone_into(&mut self.secret);
        self
    }

    /// The token, signed with another algorithm of the same family.
    #[must_use]
    pub fn signed_with(mut self, algorithm: Algorithm) -> Self {
        self.algorithm = algorithm;
        self
    }

    /// The token as an issuer signs it, with the name of its key.
    ///
    /// # Panics
    /// Never.
    #[must_use]
    pub fn mint_with(&self, key: &SigningKey) -> String {
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some(key.name.clone());
        encode(&header, &self.claims, &key.key).expect("a map of claims encodes")
    }

    /// The token as it stands in an `Authorization` header.
    #[must_use]
    pub fn mint(&self) -> String {
        let key = EncodingKey::from_secret(self.secret.as_bytes());
        encode(&Header::new(self.algorithm), &self.claims, &key).expect("a map of claims encodes")
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970").as_secs()
}
