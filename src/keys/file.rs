//! A file with keys, as text.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// The most bytes of a set of keys, wherever it comes from.
pub(super) const MOST_BYTES: usize = 1024 * 1024;

/// Reads the whole text, unless it is longer than any set of keys.
pub(super) fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let most = u64::try_from(MOST_BYTES).expect("a mebibyte fits");
    File::open(path)?.take(most + 1).read_to_string(&mut text)?;
    if text.len() > MOST_BYTES {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "longer than any set of keys"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_an_end_is_no_set_of_keys() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = |bytes: &[u8]| {
            let path = folder.path().join("keys");
            std::fs::write(&path, bytes).expect("written");
            read(&path).map_err(|error| error.kind())
        };
        assert_eq!(file(b"keys"), Ok("keys".to_owned()));
        assert_eq!(file(&vec![b'x'; MOST_BYTES]).map(|text| text.len()), Ok(MOST_BYTES));
        assert_eq!(file(&vec![b'x'; MOST_BYTES + 1]), Err(io::ErrorKind::FileTooLarge));
        assert_eq!(file(b"\xff"), Err(io::ErrorKind::InvalidData));
        assert_eq!(
            read(Path::new("/dev/zero")).map_err(|error| error.kind()),
            Err(io::ErrorKind::FileTooLarge)
        );
    }
}
