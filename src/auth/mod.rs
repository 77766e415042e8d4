//! Who is asking: bearer tokens.
use crate::message::UserId;
use crate::time::Timestamp;

/// A verified caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The user.
    pub user: UserId,
    /// Whether the scope contains `admin`.
    pub admin: bool,
    /// Whether the token has only expired; everything else about it is right.
    pub expired: bool,
}

/// Why a token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// There is none.
    #[error("Missing access token")]
    Missing,
    /// It is not one of ours, or no longer.
    #[error("Invalid or expired token")]
    Invalid,
}

/// Verifies tokens.
#[derive(Debug)]
pub struct Verifier {}

impl Verifier {
    /// Verifies a token.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Identity, AuthError> {
        todo!()
    }

    /// As [`Verifier::verify`], but a token that has only expired passes and says so.
    pub fn verify_expired(&self, token: &str, now: Timestamp) -> Result<Identity, AuthError> {
        todo!()
    }
}
