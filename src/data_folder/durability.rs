//! The durability of acknowledgements on the folder's file system.

use super::{DataFolder, FolderError};
use crate::store::Durability;
use crate::store::sled::why_not_written_through;

impl DataFolder {
    /// The durability that was asked for, or else the highest that the file system is fit for.
    ///
    /// # Errors
    /// [`FolderError::NotThrough`] if the file system is not fit for what was asked for.
    pub fn durability(&self, asked: Option<Durability>) -> Result<Durability, FolderError> {
        if asked == Some(Durability::Process) {
            return Ok(Durability::Process);
        }
        let records = Some(self.records()).filter(|folder| folder.exists());
        let folder = records.unwrap_or_else(|| self.path.clone());
        let path = folder.display().to_string();
        match why_not_written_through(&folder) {
            Ok(None) => Ok(Durability::Power),
            Ok(Some(_)) if asked.is_none() => Ok(Durability::Process),
            Ok(Some(error)) => Err(FolderError::NotThrough { path, error }),
            Err(error) => Err(FolderError::Io { path, error }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file system in memory, as Linux has it here, keeps no attributes of files.
    const IN_MEMORY: &str = "/dev/shm";

    #[test]
    fn what_a_file_system_in_memory_is_not_fit_for_is_not_promised() {
        let folder = tempfile::tempdir_in(IN_MEMORY).expect("a folder in memory");
        let data = DataFolder::open(folder.path(), "disk").expect("opened");
        assert_eq!(data.durability(None).expect("fit"), Durability::Process);
        assert_eq!(data.durability(Some(Durability::Process)).expect("fit"), Durability::Process);
        let error = data.durability(Some(Durability::Power)).expect_err("no such attribute").to_string();
        assert!(error.contains("--durability process") && error.contains(IN_MEMORY), "{error}");
        let left: Vec<_> = std::fs::read_dir(folder.path()).expect("readable").collect();
        assert_eq!(left.len(), 1, "nothing but the note: {left:?}");
    }
}
