//! Bearer tokens to identities, without asking their issuer. Pure: no I/O, no clock. The keys may be replaced
//! at any time; this module does not know where they come from.

mod bearer;
mod bounds;
mod cache;
mod claims;
mod error;
mod grant;
mod key;
mod key_set;
mod mint;
mod rules;
mod verifier;

pub use bearer::bearer;
pub use bounds::{MAX_TOKEN_BYTES, MIN_SECRET_BYTES};
pub use error::{AuthError, KeyError};
pub use grant::NBF_LEEWAY_SECS;
pub use key_set::{KeySet, MOST_SECRETS, PassedOver};
pub use mint::{mint_by_rules, mint_hs256};
pub use rules::Rules;
pub use verifier::{Identity, Verifier};
