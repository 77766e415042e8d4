//! Who is asking: bearer tokens, verified without asking anyone. Pure: no I/O, no clock.

mod bearer;
mod cache;
mod claims;
mod error;
mod key;
mod mint;
mod verifier;

pub use bearer::bearer;
pub use claims::NBF_LEEWAY_SECS;
pub use error::{AuthError, KeyError};
pub use mint::mint_hs256;
pub use verifier::{Identity, MAX_TOKEN_BYTES, Verifier};
