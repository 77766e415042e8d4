//! Copying bytes from one file to another: by the kernel, which may share them, or by hand where it cannot.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use rustix::io::Errno;

/// How many bytes are copied at once by hand.
const PIECE: usize = 256 * 1024;

/// Copies a range of a file to an offset of another; returns the offset after it.
pub(super) fn copy_range(source: &File, range: Range<u64>, target: &File, offset: u64) -> io::Result<u64> {
    let (mut from, mut to) = (range.start, offset);
    while from < range.end {
        let left = usize::try_from(range.end - from).unwrap_or(usize::MAX);
        match rustix::fs::copy_file_range(source, Some(&mut from), target, Some(&mut to), left) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) | Err(Errno::INTR) => {}
            Err(Errno::XDEV | Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP | Errno::PERM) => {
                return copy_by_hand(source, from..range.end, target, to);
            }
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(to)
}

/// Whether a copy of this file's bytes may share them, or be made without them being read: everywhere but on
/// ext4 and what it came from.
pub(super) fn may_share(file: &File) -> io::Result<bool> {
    const EXT: u64 = 0xef53;
    Ok(rustix::fs::fstatfs(file)?.f_type.unsigned_abs() as u64 != EXT)
}

fn copy_by_hand(source: &File, range: Range<u64>, target: &File, offset: u64) -> io::Result<u64> {
    let mut buffer = vec![0; PIECE];
    let mut from = range.start;
    while from < range.end {
        let left = usize::try_from(range.end - from).unwrap_or(usize::MAX).min(PIECE);
        source.read_exact_at(&mut buffer[..left], from)?;
        target.write_all_at(&buffer[..left], offset + (from - range.start))?;
        from += u64::try_from(left).expect("a piece is small");
    }
    Ok(offset + (range.end - range.start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copying_by_hand_is_copying() {
        let folder = tempfile::tempdir().expect("a folder");
        let bytes: Vec<u8> = (0..PIECE * 2 + 77).map(|at| u8::try_from(at % 251).expect("small")).collect();
        let open = |name: &str| {
            let path = folder.path().join(name);
            File::options().read(true).write(true).create_new(true).open(path).expect("made")
        };
        let source = open("source");
        source.write_all_at(&bytes, 0).expect("written");
        let end = u64::try_from(bytes.len()).expect("small");
        for (name, copy) in
            [("kernel", copy_range as fn(&File, Range<u64>, &File, u64) -> _), ("hand", copy_by_hand)]
        {
            let target = open(name);
            target.write_all_at(b"abc", 0).expect("written");
            assert_eq!(copy(&source, 5..end, &target, 3).expect("copied"), end - 2);
            let mut found = vec![0; bytes.len() - 2];
            target.read_exact_at(&mut found, 0).expect("read");
            assert!(found[..3] == *b"abc" && found[3..] == bytes[5..], "{name}");
            assert_eq!(target.metadata().expect("there").len(), end - 2);
        }
    }
}
