//! The keys of tokens, as the flags give them.

use std::path::Path;

use super::Flags;
use crate::auth::KeySet;
use crate::keys::{Form, KeySource, ReadError};

/// The keys that the flags name; `None` if they name none.
///
/// # Errors
/// A sentence, if they name several sources, or one that can verify nothing. A key set behind a URL is not
/// requested here.
pub(super) fn of(flags: &Flags) -> Result<Option<KeySource>, String> {
    let sources = [
        (!flags.jwt_secret.is_empty()).then(|| secrets(&flags.jwt_secret)),
        flags.jwt_secret_file.as_deref().map(|file| read("--jwt-secret-file", file, Form::Secrets)),
        flags.jwt_public_key.as_deref().map(|file| read("--jwt-public-key", file, Form::Pem)),
        flags.jwt_jwks.as_deref().map(|text| named("--jwt-jwks", text, KeySource::jwks(text))),
    ];
    let mut named = sources.into_iter().flatten();
    let first = named.next().transpose();
    match named.next() {
        None => first,
        Some(_) => {
            Err("--jwt-secret, --jwt-secret-file, --jwt-public-key and --jwt-jwks exclude each other".into())
        }
    }
}

/// The source of these secrets. An error does not quote them.
fn secrets(secrets: &[String]) -> Result<KeySource, String> {
    let secrets: Vec<_> = secrets.iter().map(String::as_str).collect();
    KeySet::secrets(&secrets).map(KeySource::Given).map_err(|error| format!("--jwt-secret: {error}"))
}

fn read(flag: &str, file: &str, form: Form) -> Result<KeySource, String> {
    named(flag, file, KeySource::file(Path::new(file), form))
}

fn named(flag: &str, place: &str, source: Result<KeySource, ReadError>) -> Result<KeySource, String> {
    source.map_err(|error| match error {
        // The URL may have a password in it.
        ReadError::Url(error) => format!("{flag}: {error}"),
        error => format!("{flag}: {place}: {error}"),
    })
}
