//! Bounds on the length of tokens and of keys.

/// The most bytes of a token. A longer one is refused unread.
pub const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// The fewest bytes of a secret of HS256 (RFC 7518 §3.2).
pub const MIN_SECRET_BYTES: usize = 32;

/// The fewest bits of an RSA key (RFC 7518 §3.3).
pub(super) const MIN_RSA_BITS: usize = 2048;
