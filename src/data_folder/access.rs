//! Access to the folder. What the server makes is for its user and its group; a folder that existed before
//! keeps its permissions.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::DataFolder;

/// Reading for all others, and writing for any but the owner.
const TOO_MUCH: u32 = 0o027;

impl DataFolder {
    /// The folders through which users outside the server's user and group can reach what is stored, or any
    /// but its user can change it. All within a closed folder is closed; a link leads elsewhere.
    pub fn open_to_others(&self) -> Vec<PathBuf> {
        let links = ["records", "parts", "chats"].map(|name| self.path.join(name));
        let links = links.into_iter().filter(|path| path.is_symlink());
        let folders = [self.path.clone()].into_iter().chain(links);
        folders.filter(|path| is_open(path).unwrap_or(false)).collect()
    }
}

fn is_open(path: &Path) -> io::Result<bool> {
    Ok(fs::metadata(path)?.permissions().mode() & TOO_MUCH != 0)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_folder_is_open_that_others_may_look_into_or_its_group_may_change() {
        let folder = tempfile::tempdir().expect("a folder");
        let data = DataFolder::open(folder.path(), "disk").expect("opened");
        for (mode, is_open) in [(0o700, false), (0o750, false), (0o755, true), (0o751, true), (0o770, true)] {
            fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).expect("ours");
            let expected = if is_open { vec![folder.path().to_owned()] } else { vec![] };
            assert_eq!(data.open_to_others(), expected, "{mode:o}");
        }
    }

    #[test]
    fn a_link_leads_out_of_a_folder_that_is_closed() {
        let (folder, other) =
            (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        for (path, mode) in [(folder.path(), 0o750), (other.path(), 0o755)] {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("ours");
        }
        let data = DataFolder::open(folder.path(), "disk").expect("opened");
        symlink(other.path(), folder.path().join("chats")).expect("a link");
        assert_eq!(data.open_to_others(), [folder.path().join("chats")]);
    }
}
