//! The server's data folder, as a test reads it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The server's data folder, as an operator sees it.
#[derive(Debug, Clone)]
pub struct Folder {
    root: PathBuf,
}

impl Folder {
    pub(crate) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// The folder itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.root
    }

    /// The part files of unfinished uploads.
    #[must_use]
    pub fn parts(&self) -> Vec<PathBuf> {
        files_below(&self.root.join("parts"))
    }

    /// The names of the files of every message that has a folder.
    #[must_use]
    pub fn chats(&self) -> BTreeMap<String, Vec<String>> {
        entries(&self.root.join("chats"))
            .into_iter()
            .map(|message| (name(&message), entries(&message).iter().map(|file| name(file)).collect()))
            .collect()
    }

    /// The bytes of a message's file on the disk.
    #[must_use]
    pub fn media(&self, message_id: &str, file: &str) -> Vec<u8> {
        fs::read(self.root.join("chats").join(message_id).join(file)).expect("the message's file is there")
    }
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let (folders, mut files): (Vec<_>, Vec<_>) = entries(folder).into_iter().partition(|path| path.is_dir());
    files.extend(folders.iter().flat_map(|folder| files_below(folder)));
    files
}

/// The entries of a folder. A file that goes while they are read was about to be removed, and is left out.
fn entries(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder)
        .map(|entries| entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect())
        .unwrap_or_default()
}

fn name(path: &Path) -> String {
    path.file_name().expect("an entry has a name").to_string_lossy().into_owned()
}
