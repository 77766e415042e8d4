//! From a token to its user.

use std::sync::Arc;

use jsonwebtoken::decode_header;

use super::cache::Cache;
use super::claims::Claims;
use super::error::{AuthError, KeyError};
use super::key::Key;
use crate::message::UserId;
use crate::time::Timestamp;

/// A token longer than this is refused unread.
pub const MAX_TOKEN_BYTES: usize = 8192;

/// A verified caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The user.
    pub user: UserId,
    /// Whether the scope contains `admin`.
    pub admin: bool,
    /// Whether the token has only expired; everything else about it is right.
    pub expired: bool,
    /// When it expires or has expired.
    pub expires_at: Timestamp,
}

/// Verifies JSON Web Tokens (RFC 7519) with keys that are known when the server starts.
#[derive(Debug, Clone)]
pub struct Verifier {
    keys: Vec<Key>,
    user_claims: Vec<String>,
    audience: Option<String>,
    cache: Arc<Cache>,
}

impl Verifier {
    /// Tokens signed with HS256 and this secret.
    ///
    /// # Errors
    /// [`KeyError::EmptySecret`].
    pub fn hs256(secret: &str) -> Result<Self, KeyError> {
        Ok(Self::with_keys(vec![Key::hs256(secret)?]))
    }

    /// Tokens signed with the private half of this PEM: RS256, ES256, ES384 or EdDSA, as the key is.
    ///
    /// # Errors
    /// [`KeyError::Pem`].
    pub fn public_key(pem: &str) -> Result<Self, KeyError> {
        Ok(Self::with_keys(vec![Key::pem(pem)?]))
    }

    /// Tokens signed by a key of this JSON Web Key Set: the one that the token names, or the only one.
    ///
    /// # Errors
    /// [`KeyError::Jwks`], [`KeyError::NoUsableKey`].
    pub fn jwks(json: &str) -> Result<Self, KeyError> {
        Ok(Self::with_keys(Key::set(json)?))
    }

    fn with_keys(keys: Vec<Key>) -> Self {
        let user_claims = ["sub", "email", "uid"].map(str::to_owned).to_vec();
        Self { keys, user_claims, audience: None, cache: Arc::default() }
    }

    /// The user is in the first of these claims that is a user id, instead of in `sub`, `email` or `uid`.
    #[must_use]
    pub fn with_user_claims(self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { user_claims: names.into_iter().map(Into::into).collect(), ..self }
    }

    /// Only tokens for this audience are accepted.
    #[must_use]
    pub fn with_audience(self, audience: impl Into<String>) -> Self {
        Self { audience: Some(audience.into()), ..self }
    }

    /// Verifies a token.
    ///
    /// # Errors
    /// [`AuthError::Invalid`] if it is not ours, not for us, not valid yet, or has expired.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Identity, AuthError> {
        let identity = self.verify_expired(token, now)?;
        if identity.expired { Err(AuthError::Invalid) } else { Ok(identity) }
    }

    /// As [`Verifier::verify`], but a token that has only expired passes and says so.
    ///
    /// # Errors
    /// [`AuthError::Invalid`] if anything else is wrong with it.
    pub fn verify_expired(&self, token: &str, now: Timestamp) -> Result<Identity, AuthError> {
        let claims = self.claims(token)?;
        claims.require_audience(self.audience.as_deref())?;
        claims.require_begun(now)?;
        let expired = claims.is_expired(now)?;
        Ok(Identity {
            user: claims.user(&self.user_claims)?,
            admin: claims.is_admin(),
            expired,
            expires_at: claims.expires_at()?,
        })
    }

    fn claims(&self, token: &str) -> Result<Arc<Claims>, AuthError> {
        match self.cache.get(token) {
            Some(claims) => Ok(claims),
            None => Ok(self.cache.insert(token, self.read(token)?)),
        }
    }

    fn read(&self, token: &str) -> Result<Claims, AuthError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(AuthError::Invalid);
        }
        let header = decode_header(token).map_err(|_| AuthError::Invalid)?;
        // An extension that must be understood is one that we do not understand (RFC 7515 §4.1.11).
        if header.crit.is_some() {
            return Err(AuthError::Invalid);
        }
        let is_alone = self.keys.len() == 1;
        let key = self.keys.iter().find(|key| key.is_meant(&header, is_alone)).ok_or(AuthError::Invalid)?;
        key.claims(token)
    }
}

#[cfg(test)]
mod tests;
