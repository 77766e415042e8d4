//! Secrets that the server makes for itself.

use std::fs;
use std::io;
use std::path::PathBuf;

use super::{DataFolder, write_new};

/// Permissions of a secret: for the server's user alone.
const MODE: u32 = 0o600;

impl DataFolder {
    /// The file of a secret; a random one is made if it is missing. It is durable before this returns, so
    /// that what is signed with it stays valid after a crash.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn secret(&self, name: &str) -> io::Result<PathBuf> {
        let path = self.path.join(name);
        if !fs::exists(&path)? {
            let mut random = [0; 32];
            getrandom::fill(&mut random).map_err(io::Error::other)?;
            write_new(&self.path, &path, &data_encoding::HEXLOWER.encode(&random), MODE)?;
        }
        Ok(path)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_secret_is_made_once_and_for_its_user_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let data = DataFolder::open(folder.path(), "disk").expect("opened");
        // A kill left half of a secret, which others could read.
        let beside = folder.path().join("a.new");
        fs::write(&beside, "half").expect("written");
        fs::set_permissions(&beside, fs::Permissions::from_mode(0o644)).expect("ours");
        let path = data.secret("a.keys").expect("made");
        let secret = fs::read_to_string(&path).expect("there");
        assert_eq!(secret.trim().len(), 64);
        assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, MODE);
        assert_eq!(data.secret("a.keys").expect("there"), path);
        assert_eq!(fs::read_to_string(&path).expect("there"), secret);
        let other = data.secret("b.keys").expect("made");
        assert_ne!(fs::read_to_string(other).expect("there"), secret);
    }
}
