//! Faults of tokens and of keys.

use super::bounds::{MAX_TOKEN_BYTES, MIN_RSA_BITS, MIN_SECRET_BYTES};

/// Why a token is refused. Clients learn no more than this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// There is no token.
    #[error("Missing access token")]
    Missing,
    /// The token is not for this server, or is no longer valid.
    #[error("Invalid or expired token")]
    Invalid,
    /// The token names a key that the key set lacks. The set may be old, which a client is not told.
    #[error("Invalid or expired token")]
    UnknownKey,
    /// The token has more bytes than are read.
    #[error("The access token is longer than {MAX_TOKEN_BYTES} bytes")]
    TooLong,
    /// No key could be read yet, so no token can be checked.
    #[error("Access tokens cannot be checked yet")]
    NoKeys,
}

/// Why keys cannot verify tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The secret has too few bytes for HS256: a shorter one can be guessed (RFC 7518 §3.2).
    #[error("a secret has {bytes} bytes; HS256 needs at least {MIN_SECRET_BYTES} (RFC 7518 §3.2)")]
    ShortSecret {
        /// The number of bytes of the secret.
        bytes: usize,
    },
    /// There is no secret.
    #[error("there is no secret in it")]
    NoSecret,
    /// There are more secrets than may be valid at a time.
    #[error("at most {0} secrets may be valid at a time")]
    TooManySecrets(usize),
    /// The text is no PEM of public keys that are usable.
    #[error("not a PEM of an RSA ({MIN_RSA_BITS} bits or more), P-256, P-384 or Ed25519 public key")]
    Pem,
    /// The text is no JSON Web Key Set (RFC 7517 §5).
    #[error("not a JSON Web Key Set")]
    Jwks,
    /// The key set has no usable public key for signatures.
    #[error(
        "the key set has no usable RSA ({MIN_RSA_BITS} bits or more), P-256, P-384 or Ed25519 key for signatures"
    )]
    NoUsableKey,
}
