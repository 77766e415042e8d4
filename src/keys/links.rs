//! Sources of the keys of links to media: the settings, or a file with the data.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::file::read;
use crate::links::{InvalidLinkKeys, LinkKeys, MediaLinks};

/// The links to media, and the file of their keys, if the keys are in one.
#[derive(Debug, Clone)]
pub struct LinkKeyring {
    links: Arc<MediaLinks>,
    file: Option<PathBuf>,
}

/// Why the file has no keys.
#[derive(Debug, thiserror::Error)]
pub enum LinkFileError {
    /// The operating system refused.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The text has no valid keys.
    #[error(transparent)]
    Keys(#[from] InvalidLinkKeys),
}

impl LinkKeyring {
    /// A keyring of keys that were given and stay.
    pub fn fixed(links: MediaLinks) -> Self {
        Self { links: Arc::new(links), file: None }
    }

    /// A keyring of the keys in a file, the first of which signs.
    ///
    /// # Errors
    /// [`LinkFileError`].
    pub fn open(file: PathBuf, period_secs: u64) -> Result<Self, LinkFileError> {
        let keys = LinkKeys::of_lines(&read(&file)?)?;
        Ok(Self { links: Arc::new(MediaLinks::new(period_secs, keys)), file: Some(file) })
    }

    /// The links that these keys make and check.
    pub fn links(&self) -> Arc<MediaLinks> {
        Arc::clone(&self.links)
    }

    /// Reads the file again, if there is one. If it has no keys, the former ones stay.
    pub fn read_again(&self) {
        let Some(file) = &self.file else { return };
        match read(file).map_err(LinkFileError::from).and_then(|text| Ok(LinkKeys::of_lines(&text)?)) {
            Ok(keys) => {
                tracing::info!(keys = keys.count(), "the keys of media links are read");
                self.links.trust(keys);
            }
            Err(error) => {
                tracing::warn!(%error, file = %file.display(), "the keys of media links cannot be read; the former ones stay");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::message::sample;
    use crate::time::Timestamp;

    #[test]
    fn a_file_that_has_no_keys_any_more_changes_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("keys");
        let query = |keyring: &LinkKeyring| {
            keyring.links().link(&sample("a.mp4"), Timestamp::from_secs(1)).expect("a link").query
        };
        assert!(LinkKeyring::open(file.clone(), 100).is_err());
        fs::write(&file, "a key of the tests of links\n").expect("written");
        let keyring = LinkKeyring::open(file.clone(), 100).expect("a key");
        let first = query(&keyring);
        for text in ["", "short\n"] {
            fs::write(&file, text).expect("written");
            keyring.read_again();
            assert_eq!(query(&keyring), first, "{text}");
        }
        fs::write(&file, "another key of the tests\n").expect("written");
        keyring.read_again();
        assert_ne!(query(&keyring), first);
    }
}
