//! Sources of the keys for tokens and for links, and when they are read again.
//!
//! | source | read at the start | read again |
//! | --- | --- | --- |
//! | `--jwt-secret` | with the settings | never |
//! | `--jwt-secret-file`, `--jwt-public-key` | yes; a failure prevents the start | on SIGHUP |
//! | `--jwt-jwks` with a file | yes; a failure prevents the start | on SIGHUP, every ten minutes, for an unknown key that a token names |
//! | `--jwt-jwks` with a URL | if it can be reached; until then no user can be identified | as with a file |
//! | `--media-link-key` | with the settings | never |
//! | `media-link.keys` in the data folder | yes; a failure prevents the start | on SIGHUP |
//!
//! If a source cannot be read, or has no usable key, nothing changes: the former keys stay.

mod fetch;
mod file;
mod keyring;
mod links;
mod reads;
mod source;
mod url;

pub use keyring::Keyring;
pub use links::{LinkFileError, LinkKeyring};
pub use source::{Form, KeySource, ReadError};
pub use url::JwksUrl;
