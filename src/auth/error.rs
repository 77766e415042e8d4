//! What is wrong with a token, or with a key.

use super::bounds::{MAX_TOKEN_BYTES, MIN_RSA_BITS, MIN_SECRET_BYTES};

/// Why a token is refused. A client learns no more than this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// There is none.
    #[error("Missing access token")]
    Missing,
    /// It is not one of ours, or no longer.
    #[error("Invalid or expired token")]
    Invalid,
    /// It names a key that the key set does not have. The set may be old; a client learns nothing of that.
    #[error("Invalid or expired token")]
    UnknownKey,
    /// It has more bytes than are looked at.
    #[error("The access token is longer than {MAX_TOKEN_BYTES} bytes")]
    TooLong,
    /// Nothing can be said of it, because no key could be read yet.
    #[error("Access tokens cannot be checked yet")]
    NoKeys,
}

/// Why keys cannot verify tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Too few bytes for HS256: what is shorter can be guessed (RFC 7518 §3.2).
    #[error("a secret has {bytes} bytes; HS256 needs at least {MIN_SECRET_BYTES} (RFC 7518 §3.2)")]
    ShortSecret {
        /// How many it has.
        bytes: usize,
    },
    /// Not a single secret.
    #[error("there is no secret in it")]
    NoSecret,
    /// More secrets than may be valid side by side.
    #[error("at most {0} secrets may be valid at a time")]
    TooManySecrets(usize),
    /// Not a PEM text of public keys that we can use.
    #[error("not a PEM of an RSA ({MIN_RSA_BITS} bits or more), P-256, P-384 or Ed25519 public key")]
    Pem,
    /// Not a JSON Web Key Set (RFC 7517 §5).
    #[error("not a JSON Web Key Set")]
    Jwks,
    /// A key set without a single public key for signatures that we can use.
    #[error(
        "the key set has no usable RSA ({MIN_RSA_BITS} bits or more), P-256, P-384 or Ed25519 key for signatures"
    )]
    NoUsableKey,
}
