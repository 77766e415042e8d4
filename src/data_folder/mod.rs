//! The data folder, the note in it that says its format, and what it is fit for.

mod access;
mod durability;
mod secret;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The file of the note `longhaul <version> <payload>`.
const NOTE: &str = "format";
const VERSION: u32 = 2;
/// What the payload of a folder begins with that was moved.
const MOVED: &str = "moved";
/// The former version differs from this one only in where parts are, which the store corrects at the start.
/// The note says this version before that, because a server of the former one would miss the parts.
const FORMER: u32 = 1;

/// A data folder that this version can use.
#[derive(Debug, Clone)]
pub struct DataFolder {
    path: PathBuf,
}

/// Why a folder cannot be used. Nothing in it was changed.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The folder was made by another version or with another setting.
    #[error("{path}: it was made as `{found}`, and this server was started as `{wanted}`")]
    AnotherFormat {
        /// The folder.
        path: String,
        /// The text of its note.
        found: String,
        /// The text that its note would need.
        wanted: String,
    },
    /// The folder was moved into a database and a bucket.
    #[error(
        "{path}: it was moved into the database {to}, which servers use with --database and --bucket; what came \
         since is not in this folder. To use the folder all the same, write `{was}` to its file `format`"
    )]
    Moved {
        /// The folder.
        path: String,
        /// What the database is known by.
        to: String,
        /// The text of its note before.
        was: String,
    },
    /// The folder is not a data folder of this version.
    #[error("{path} is not a data folder of this version: {why}")]
    Foreign {
        /// The folder.
        path: String,
        /// The part that is missing or different.
        why: String,
    },
    /// The file system cannot keep the durability that was asked for.
    #[error(
        "{path}: --durability power cannot be kept here, as the file system does not write single files through \
         ({error}); say --durability process, which survives kill -9, or use another file system, such as ext4, \
         XFS or Btrfs"
    )]
    NotThrough {
        /// The folder.
        path: String,
        /// The operating system's error.
        error: io::Error,
    },
    /// Finished uploads could not be moved to their place.
    #[error(
        "{parts} and {chats} have to be on one file system and mount, because a finished upload is moved from one \
         to the other: {error}"
    )]
    TwoFileSystems {
        /// The folder of unfinished uploads.
        parts: String,
        /// The folder of the files of messages.
        chats: String,
        /// The operating system's error.
        error: io::Error,
    },
    /// The operating system refused.
    #[error("{path}: {error}")]
    Io {
        /// The folder.
        path: String,
        /// Why.
        error: io::Error,
    },
}

impl DataFolder {
    /// Opens the folder, making it if it is missing. `payload` is where bytes are kept, which never changes
    /// in a folder.
    ///
    /// # Errors
    /// [`FolderError`].
    pub fn open(path: &Path, payload: &str) -> Result<Self, FolderError> {
        let wanted = format!("longhaul {VERSION} {payload}");
        if let Some(moved) = moved(path)? {
            return Err(moved.refusal(path));
        }
        let found = note_of(path, &wanted);
        let shown = path.display().to_string();
        match found {
            Ok(found) if found == wanted => Ok(Self { path: path.to_owned() }),
            Ok(found) if found == format!("longhaul {FORMER} {payload}") => {
                match write(path, &path.join(NOTE), &wanted) {
                    Ok(()) => Ok(Self { path: path.to_owned() }),
                    Err(error) => Err(FolderError::Io { path: shown, error }),
                }
            }
            Ok(found) => Err(FolderError::AnotherFormat { path: shown, found, wanted }),
            Err(error) => Err(FolderError::Io { path: shown, error }),
        }
    }

    /// Looks at a folder without changing it, and also answers where its bytes are kept.
    ///
    /// # Errors
    /// [`FolderError::Foreign`] if it is no data folder, or one of another version.
    pub fn look(path: &Path) -> Result<(Self, String), FolderError> {
        if let Some(moved) = moved(path)? {
            return Err(moved.refusal(path));
        }
        let shown = path.display().to_string();
        let foreign = |why: String| FolderError::Foreign { path: path.display().to_string(), why };
        let note = match fs::read_to_string(path.join(NOTE)) {
            Ok(text) => text.trim().to_owned(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(foreign(format!("there is no file `{NOTE}` in it")));
            }
            Err(error) => return Err(FolderError::Io { path: shown, error }),
        };
        let of = |version: u32| note.strip_prefix(&format!("longhaul {version} "));
        match of(VERSION).or_else(|| of(FORMER)) {
            Some(payload) => Ok((Self { path: path.to_owned() }, payload.to_owned())),
            None => Err(foreign(format!("its file `{NOTE}` says `{note}`"))),
        }
    }

    /// What the database is known by that the folder was moved into, if it was.
    ///
    /// # Errors
    /// [`FolderError::Io`]
    pub fn moved_to(path: &Path) -> Result<Option<String>, FolderError> {
        Ok(moved(path)?.map(|moved| moved.to))
    }

    /// Notes that the folder was moved: from now on no server starts on it.
    ///
    /// # Errors
    /// [`FolderError`]
    pub fn note_move(path: &Path, to: &str) -> Result<(), FolderError> {
        let (_, payload) = Self::look(path)?;
        let text = format!("longhaul {VERSION} {MOVED} {to} {payload}");
        let written = write(path, &path.join(NOTE), &text);
        written.map_err(|error| FolderError::Io { path: path.display().to_string(), error })
    }

    /// The error for a folder in which files cannot be kept.
    pub fn unfit(&self, error: io::Error) -> FolderError {
        let [parts, chats] = ["parts", "chats"].map(|name| self.path.join(name).display().to_string());
        match error.kind() {
            io::ErrorKind::CrossesDevices => FolderError::TwoFileSystems { parts, chats, error },
            _ => FolderError::Io { path: self.path.display().to_string(), error },
        }
    }

    /// The folder's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of the records.
    pub fn records(&self) -> PathBuf {
        self.path.join("records")
    }
}

/// A folder that was moved.
struct Moved {
    to: String,
    was: String,
}

impl Moved {
    fn refusal(self, path: &Path) -> FolderError {
        FolderError::Moved { path: path.display().to_string(), to: self.to, was: self.was }
    }
}

/// What the note says of a move.
fn moved(path: &Path) -> Result<Option<Moved>, FolderError> {
    let note = match fs::read_to_string(path.join(NOTE)) {
        Ok(note) => note,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(FolderError::Io { path: path.display().to_string(), error }),
    };
    let rest = note.trim().strip_prefix(&format!("longhaul {VERSION} {MOVED} "));
    Ok(rest
        .and_then(|rest| rest.split_once(' '))
        .map(|(to, payload)| Moved { to: to.to_owned(), was: format!("longhaul {VERSION} {payload}") }))
}

/// The text of the note, which is written if it is missing.
fn note_of(path: &Path, wanted: &str) -> io::Result<String> {
    fs::create_dir_all(path)?;
    let note = path.join(NOTE);
    match fs::read_to_string(&note) {
        Ok(text) => Ok(text.trim().to_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            write(path, &note, wanted)?;
            Ok(wanted.to_owned())
        }
        Err(error) => Err(error),
    }
}

/// Writes the note beside its place and renames it, so that a kill leaves no half of it.
fn write(folder: &Path, note: &Path, text: &str) -> io::Result<()> {
    write_new(folder, note, text, 0o666)
}

/// Writes a file with these permissions, less those that the process's umask removes.
fn write_new(folder: &Path, path: &Path, text: &str, mode: u32) -> io::Result<()> {
    let beside = path.with_extension("new");
    // A file that a kill left there has its own permissions.
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&beside)?;
    writeln!(file, "{text}")?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_keeps_the_payload_it_was_made_with() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(DataFolder::open(folder.path(), "disk").is_ok());
        assert!(DataFolder::open(folder.path(), "disk").is_ok());
        let error = DataFolder::open(folder.path(), "sled").expect_err("another payload");
        assert!(error.to_string().contains("longhaul 2 disk"), "{error}");
    }

    #[test]
    fn a_folder_that_was_moved_is_used_no_more() {
        let folder = tempfile::tempdir().expect("a folder");
        DataFolder::open(folder.path(), "disk").expect("opened");
        assert_eq!(DataFolder::moved_to(folder.path()).expect("readable"), None);
        DataFolder::note_move(folder.path(), "there").expect("noted");
        assert_eq!(DataFolder::moved_to(folder.path()).expect("readable").as_deref(), Some("there"));
        for payload in ["disk", "sled", "bucket"] {
            let outcome = DataFolder::open(folder.path(), payload);
            assert!(matches!(outcome, Err(FolderError::Moved { .. })), "{outcome:?}");
        }
        let error = DataFolder::look(folder.path()).expect_err("moved");
        assert!(error.to_string().contains("`longhaul 2 disk`"), "{error}");
    }

    #[test]
    fn a_folder_of_the_former_format_becomes_one_of_this() {
        let folder = tempfile::tempdir().expect("a folder");
        let note = folder.path().join(NOTE);
        let said = || fs::read_to_string(&note).expect("there").trim().to_owned();
        for (was, payload, is_ours) in [
            ("longhaul 1 disk", "disk", true),
            ("longhaul 1 disk", "sled", false),
            ("longhaul 3 disk", "disk", false),
        ] {
            fs::write(&note, was).expect("written");
            assert_eq!(DataFolder::look(folder.path()).is_ok(), was != "longhaul 3 disk");
            assert_eq!(said(), was, "looking changes nothing");
            assert_eq!(DataFolder::open(folder.path(), payload).is_ok(), is_ours, "{was}");
            assert_eq!(said(), if is_ours { "longhaul 2 disk" } else { was });
        }
    }
}
