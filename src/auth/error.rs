//! What is wrong with a token, or with a key.

/// Why a token is refused. A client learns no more than this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// There is none.
    #[error("Missing access token")]
    Missing,
    /// It is not one of ours, or no longer.
    #[error("Invalid or expired token")]
    Invalid,
}

/// Why a key cannot verify tokens; found when the server starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Everybody can sign with an empty secret.
    #[error("the secret is empty")]
    EmptySecret,
    /// Not a PEM text of a public key that we can use.
    #[error("not a PEM of an RSA, P-256, P-384 or Ed25519 public key")]
    Pem,
    /// Not a JSON Web Key Set (RFC 7517 §5).
    #[error("not a JSON Web Key Set")]
    Jwks,
    /// A key set without a single public key for signatures that we can use.
    #[error("the key set has no RSA, P-256, P-384 or Ed25519 key for signatures")]
    NoUsableKey,
}
