//! How long tokens may be, and how short keys.

/// A token longer than this is refused unread.
pub const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// The least bytes of a secret of HS256 (RFC 7518 §3.2).
pub const MIN_SECRET_BYTES: usize = 32;

/// The least bits of an RSA key (RFC 7518 §3.3).
pub(super) const MIN_RSA_BITS: usize = 2048;
