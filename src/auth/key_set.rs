//! The keys that are valid at one time, from one source.

use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{AlgorithmFamily, Header, decode_header};
use serde::Deserialize;
use serde_json::Value;

use super::bounds::MAX_TOKEN_BYTES;
use super::claims::Claims;
use super::error::{AuthError, KeyError};
use super::key::{Key, NO_PUBLIC_KEY};

/// The most secrets that are valid at a time: a new one, and the one that it replaces.
pub const MOST_SECRETS: usize = 2;

/// How many characters of a foreign key's name are shown.
const SHOWN_CHARS: usize = 64;

/// The keys that tokens may be signed with. Its `Debug` shows none of them.
#[derive(Debug, Clone)]
pub struct KeySet {
    keys: Vec<Key>,
    by_name: bool,
    passed_over: Vec<PassedOver>,
}

/// A key of a set that cannot verify anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PassedOver {
    /// The key's `kid`, made fit for a log, or its position in the set.
    pub name: String,
    /// Why the key is unusable.
    pub why: &'static str,
}

impl KeySet {
    /// Secrets of HS256.
    ///
    /// # Errors
    /// [`KeyError::NoSecret`], [`KeyError::TooManySecrets`], [`KeyError::ShortSecret`].
    pub fn secrets(secrets: &[&str]) -> Result<Self, KeyError> {
        match secrets.len() {
            0 => Err(KeyError::NoSecret),
            1..=MOST_SECRETS => Ok(Self::alike(secrets.iter().map(|secret| Key::hs256(secret)))?),
            _ => Err(KeyError::TooManySecrets(MOST_SECRETS)),
        }
    }

    /// Secrets of HS256, one a line. White space in a line belongs to the secret.
    ///
    /// # Errors
    /// As [`KeySet::secrets`].
    pub fn secret_lines(text: &str) -> Result<Self, KeyError> {
        let secrets: Vec<_> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        Self::secrets(&secrets)
    }

    /// Public keys in PEM, one or several: RS256, ES256, ES384 or EdDSA, as each key is.
    ///
    /// # Errors
    /// [`KeyError::Pem`].
    pub fn pem(text: &str) -> Result<Self, KeyError> {
        const BEGIN: &str = "-----BEGIN ";
        let starts: Vec<_> = text.match_indices(BEGIN).map(|(at, _)| at).collect();
        let ends = starts.iter().skip(1).copied().chain([text.len()]);
        let blocks: Vec<_> = starts.iter().zip(ends).map(|(start, end)| &text[*start..end]).collect();
        if blocks.is_empty() {
            return Err(KeyError::Pem);
        }
        Self::alike(blocks.into_iter().map(Key::pem))
    }

    /// The usable keys of a JSON Web Key Set (RFC 7517 §5). Unusable ones are passed over, as §5 asks.
    ///
    /// # Errors
    /// [`KeyError::Jwks`], [`KeyError::NoUsableKey`].
    pub fn jwks(json: &str) -> Result<Self, KeyError> {
        #[derive(Deserialize)]
        struct Set {
            keys: Vec<Value>,
        }
        let set: Set = serde_json::from_str(json).map_err(|_| KeyError::Jwks)?;
        let (mut keys, mut passed_over) = (Vec::new(), Vec::new());
        for (place, value) in set.keys.into_iter().enumerate() {
            let name = name_of(&value, place);
            let jwk = serde_json::from_value(value).map_err(|_| NO_PUBLIC_KEY);
            match jwk.and_then(|jwk: Jwk| Key::jwk(&jwk)) {
                Ok(key) => keys.push(key),
                Err(why) => passed_over.push(PassedOver { name, why }),
            }
        }
        if keys.is_empty() {
            return Err(KeyError::NoUsableKey);
        }
        Ok(Self { keys, by_name: true, passed_over })
    }

    fn alike(keys: impl Iterator<Item = Result<Key, KeyError>>) -> Result<Self, KeyError> {
        Ok(Self { keys: keys.collect::<Result<_, _>>()?, by_name: false, passed_over: Vec::new() })
    }

    /// The keys of the set that cannot verify anything.
    pub fn passed_over(&self) -> &[PassedOver] {
        &self.passed_over
    }

    /// The claims of a token that one of the keys signed.
    pub(super) fn claims(&self, token: &str) -> Result<Claims, AuthError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(AuthError::TooLong);
        }
        let header = decode_header(token).map_err(|_| AuthError::Invalid)?;
        // An extension marked as critical is one that this server does not understand (RFC 7515 §4.1.11).
        if header.crit.is_some() {
            return Err(AuthError::Invalid);
        }
        let refusal = if self.lacks(&header) { AuthError::UnknownKey } else { AuthError::Invalid };
        self.meant(&header).find_map(|key| key.claims(token).ok()).ok_or(refusal)
    }

    /// The keys that may have signed a token. In a key set the token names one of them; the only key of a set
    /// need not be named.
    fn meant(&self, header: &Header) -> impl Iterator<Item = &Key> {
        let (algorithm, any) = (header.alg, !self.by_name || self.keys.len() == 1);
        self.keys.iter().filter(move |key| key.algorithm == algorithm && (any || key.has_name(header)))
    }

    /// Whether the token names a key that this set lacks and a newer set may have. Sets never have secrets.
    fn lacks(&self, header: &Header) -> bool {
        let is_public = header.alg.family() != AlgorithmFamily::Hmac;
        let is_named = header.kid.is_some() && is_public;
        self.by_name && is_named && !self.keys.iter().any(|key| key.has_name(header))
    }

    /// How many keys the set has.
    pub fn count(&self) -> usize {
        self.keys.len()
    }
}

/// The name of a key that may be malformed in any way.
fn name_of(key: &Value, place: usize) -> String {
    match key.get("kid").and_then(Value::as_str) {
        Some(kid) => kid.chars().take(SHOWN_CHARS).flat_map(char::escape_default).collect(),
        None => format!("number {}", place + 1),
    }
}
