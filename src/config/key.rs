//! Who signs tokens.

use std::fmt;
use std::fs;

use super::Flags;

/// The key that verifies tokens.
#[derive(Clone)]
pub enum KeySource {
    /// The secret of HS256.
    Secret(String),
    /// A public key as PEM text.
    PublicKey(String),
    /// A set of keys as JSON text.
    Jwks(String),
}

impl fmt::Debug for KeySource {
    /// A secret is not for logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Secret(_) => "Secret",
            Self::PublicKey(_) => "PublicKey",
            Self::Jwks(_) => "Jwks",
        })
    }
}

/// The key that the flags name; `None` if they name none.
///
/// # Errors
/// A sentence, if they name several, an empty one, or a file that cannot be read.
pub(super) fn of(flags: &Flags) -> Result<Option<KeySource>, String> {
    match (&flags.jwt_secret, &flags.jwt_public_key, &flags.jwt_jwks) {
        (None, None, None) => Ok(None),
        (Some(secret), None, None) if secret.is_empty() => Err("--jwt-secret is empty".into()),
        (Some(secret), None, None) => Ok(Some(KeySource::Secret(secret.clone()))),
        (None, Some(file), None) => read("--jwt-public-key", file).map(KeySource::PublicKey).map(Some),
        (None, None, Some(file)) => read("--jwt-jwks", file).map(KeySource::Jwks).map(Some),
        _ => Err("--jwt-secret, --jwt-public-key and --jwt-jwks exclude each other".into()),
    }
}

fn read(flag: &str, file: &str) -> Result<String, String> {
    fs::read_to_string(file).map_err(|error| format!("{flag}: {file}: {error}"))
}
