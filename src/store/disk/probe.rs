//! The probe, which tries out what finishing an upload takes: it makes a file among the parts and a folder
//! among the chats, and moves the file there. Only that shows folders on two file systems, or on two mounts
//! of one.

use std::fs::{self, File};
use std::io;
use std::sync::PoisonError;

use super::Folders;
use super::place::make_folder;

/// The probe's name, which no upload and no message has.
const NAME: &str = ".probe";

impl Folders {
    /// Does what placing does, and undoes it.
    ///
    /// # Errors
    /// The error of the operating system; [`io::ErrorKind::CrossesDevices`] if no file can be moved.
    pub(super) fn probe(&self) -> io::Result<()> {
        let _turn = self.probing.lock().unwrap_or_else(PoisonError::into_inner);
        let (part, folder) = (self.buckets.parts().join(NAME), self.chats.join(NAME));
        let file = folder.join(NAME);
        let moved = File::create(&part).and_then(|_| {
            make_folder(&folder)?;
            fs::rename(&part, &file)
        });
        // Also what a kill left of an earlier probe.
        let gone = [fs::remove_file(&part), fs::remove_file(&file), fs::remove_dir(&folder)];
        moved.and(gone.into_iter().find(is_fault).unwrap_or(Ok(())))
    }
}

fn is_fault(removed: &io::Result<()>) -> bool {
    matches!(removed, Err(error) if error.kind() != io::ErrorKind::NotFound)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use super::*;
    use crate::store::Durability;
    use crate::store::disk::Disk;

    fn is_empty(folder: &Path) -> bool {
        fs::read_dir(folder).expect("readable").next().is_none()
    }

    #[test]
    fn a_probe_leaves_nothing_and_takes_away_what_a_kill_left_of_one() {
        let data = tempfile::tempdir().expect("a folder");
        let disk = Disk::open(data.path(), Durability::Process, 0).expect("opened");
        let (parts, chats) = (data.path().join("parts"), data.path().join("chats"));
        fs::create_dir(chats.join(NAME)).expect("ours");
        fs::write(chats.join(NAME).join(NAME), b"").expect("ours");
        fs::write(parts.join(NAME), b"").expect("ours");
        disk.folders.probe().expect("it works");
        assert!(is_empty(&parts) && is_empty(&chats));
        fs::rename(&chats, data.path().join("elsewhere")).expect("ours");
        assert!(disk.folders.probe().is_err());
        assert!(is_empty(&parts));
    }

    #[test]
    fn folders_on_two_file_systems_are_refused() {
        let (data, other) = (
            tempfile::tempdir().expect("a folder"),
            tempfile::tempdir_in("/dev/shm").expect("one in memory"),
        );
        for name in ["parts", "chats"] {
            symlink(other.path(), data.path().join(name)).expect("a link");
            let error = Disk::open(data.path(), Durability::Process, 0).expect_err("two file systems");
            assert_eq!(error.kind(), io::ErrorKind::CrossesDevices, "{name}: {error}");
            fs::remove_file(data.path().join(name)).expect("the link");
            assert!(Disk::open(data.path(), Durability::Process, 0).is_ok(), "{name}");
            fs::remove_dir_all(data.path().join("parts")).expect("ours");
            fs::remove_dir_all(data.path().join("chats")).expect("ours");
        }
    }
}
