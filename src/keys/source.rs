//! One source of keys, and how it is read.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::fetch::{FetchError, fetch};
use super::file;
use super::url::{InvalidUrl, JwksUrl};
use crate::auth::{KeyError, KeySet};

/// The source of the keys of tokens.
#[derive(Debug, Clone)]
pub enum KeySource {
    /// Keys given with the settings, which stay.
    Given(KeySet),
    /// Keys in a file.
    File {
        /// The file's path.
        path: PathBuf,
        /// The form of the file's text.
        form: Form,
        /// The keys when the settings were checked: a file that is no regular one is readable only once.
        at_start: KeySet,
    },
    /// A key set at another server, which is asked for it.
    Url(JwksUrl),
}

/// The form of a file of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Secrets of HS256, one a line.
    Secrets,
    /// Public keys in PEM.
    Pem,
    /// A JSON Web Key Set.
    Jwks,
}

/// Why a source has no keys.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] io::Error),
    /// The URL cannot be read.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The text is no valid URL.
    #[error(transparent)]
    Url(#[from] InvalidUrl),
    /// The text has no usable keys.
    #[error(transparent)]
    Keys(#[from] KeyError),
}

impl KeySource {
    /// A source in a file, which is read now.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn file(path: &Path, form: Form) -> Result<Self, ReadError> {
        let at_start = form.keys(&file::read(path)?)?;
        Ok(Self::File { path: path.to_owned(), form, at_start })
    }

    /// A key set in a file, which is read now, or behind a URL, which is not.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn jwks(text: &str) -> Result<Self, ReadError> {
        if JwksUrl::is_meant(text) {
            Ok(Self::Url(text.parse()?))
        } else {
            Self::file(Path::new(text), Form::Jwks)
        }
    }

    /// Whether the source is a set whose keys come and go, by their names.
    pub(super) fn is_set(&self) -> bool {
        matches!(self, Self::Url(_) | Self::File { form: Form::Jwks, .. })
    }

    /// The source's present text; `None` if it never changes.
    pub(super) async fn text(&self) -> Result<Option<(String, Form)>, ReadError> {
        match self {
            Self::Given(_) => Ok(None),
            Self::File { path, form, .. } => {
                let path = path.clone();
                let text = tokio::task::spawn_blocking(move || file::read(&path)).await;
                Ok(Some((text.map_err(io::Error::other)??, *form)))
            }
            Self::Url(url) => Ok(Some((fetch(url).await?, Form::Jwks))),
        }
    }
}

impl fmt::Display for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Given(_) => f.write_str("the settings"),
            Self::File { path, .. } => path.display().fmt(f),
            Self::Url(url) => url.fmt(f),
        }
    }
}

impl Form {
    /// The keys in a text of this form.
    pub(super) fn keys(self, text: &str) -> Result<KeySet, KeyError> {
        match self {
            Self::Secrets => KeySet::secret_lines(text),
            Self::Pem => KeySet::pem(text),
            Self::Jwks => KeySet::jwks(text),
        }
    }
}
