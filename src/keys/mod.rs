//! Where the keys of tokens and of links come from, and when they are read again.
//!
//! | source | read at the start | read again |
//! | --- | --- | --- |
//! | `--jwt-secret` | with the settings | never |
//! | `--jwt-secret-file`, `--jwt-public-key` | or there is no start | on SIGHUP |
//! | `--jwt-jwks` with a file | or there is no start | on SIGHUP, every ten minutes, for a key that a token names |
//! | `--jwt-jwks` with a URL | if it can be reached; until then nobody can be told from anybody | likewise |
//! | `--media-link-key` | with the settings | never |
//! | `media-link.keys` in the data folder | or there is no start | on SIGHUP |
//!
//! What cannot be read, or has no key that is of use, changes nothing: the former keys stay.

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
