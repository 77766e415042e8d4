//! Verifies tokens, and names their users.

use std::sync::{Arc, PoisonError, RwLock};

use super::cache::Cache;
use super::error::AuthError;
use super::grant::Grant;
use super::key_set::KeySet;
use super::rules::Rules;
use crate::message::UserId;
use crate::time::Timestamp;

/// A verified caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The user.
    pub user: UserId,
    /// Whether the scope contains `admin`.
    pub admin: bool,
    /// Whether the scope contains `backend`: the caller uploads for many users.
    pub backend: bool,
    /// Whether the token has expired, with nothing else wrong with it.
    pub expired: bool,
    /// The token's expiry, in the future or past.
    pub expires_at: Timestamp,
}

/// Verifies JSON Web Tokens (RFC 7519) with the keys that it has at the time.
#[derive(Debug)]
pub struct Verifier {
    rules: Rules,
    trusted: RwLock<Option<Arc<Trusted>>>,
}

/// Keys, and the tokens that they were found to have signed. These are kept together: replacing the keys also
/// forgets the tokens.
#[derive(Debug)]
struct Trusted {
    keys: KeySet,
    cache: Cache,
}

impl Verifier {
    /// A verifier without keys.
    pub fn new(rules: Rules) -> Self {
        Self { rules, trusted: RwLock::default() }
    }

    /// Replaces the keys: from now on tokens are verified with these and no others.
    pub fn trust(&self, keys: KeySet) {
        let trusted = Trusted { keys, cache: Cache::default() };
        *self.trusted.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(trusted));
    }

    /// Whether the verifier has keys.
    pub fn has_keys(&self) -> bool {
        self.trusted().is_some()
    }

    /// Verifies a token.
    ///
    /// # Errors
    /// [`AuthError::Invalid`] if the token is foreign, for another audience, not valid yet, or expired;
    /// [`AuthError::UnknownKey`] if newer keys may verify it; [`AuthError::TooLong`]; [`AuthError::NoKeys`].
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Identity, AuthError> {
        let identity = self.verify_expired(token, now)?;
        if identity.expired { Err(AuthError::Invalid) } else { Ok(identity) }
    }

    /// Verifies a token like [`Verifier::verify`], but accepts one that has only expired and says so.
    ///
    /// # Errors
    /// As [`Verifier::verify`], if anything else is wrong with the token.
    pub fn verify_expired(&self, token: &str, now: Timestamp) -> Result<Identity, AuthError> {
        let trusted = self.trusted().ok_or(AuthError::NoKeys)?;
        let grant = match trusted.cache.get(token) {
            Some(grant) => grant,
            None => {
                let grant = Grant::of(&trusted.keys.claims(token)?, &self.rules)?;
                trusted.cache.insert(token, grant)
            }
        };
        grant.require_begun(now)?;
        Ok(Identity {
            user: grant.user.clone(),
            admin: grant.admin,
            backend: grant.backend,
            expired: grant.is_expired(now),
            expires_at: Timestamp::from_numeric_date(grant.ends),
        })
    }

    fn trusted(&self) -> Option<Arc<Trusted>> {
        self.trusted.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests;
