//! Reading a file as a stream. What is in the page cache is read at once; for what is not, a blocking thread
//! waits.
//!
//! Reading ahead is left to the kernel, which sees that a file is read in order. Asking it for more
//! (`POSIX_FADV_WILLNEED`) was slower, 490 to 850 MiB/s against 1,130, at twice the processor time: it fills
//! the cache page by page, where its own reading ahead takes large folios, which are also read again faster.

use std::fs::File;
use std::io::{self, IoSliceMut};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};
use rustix::io::{ReadWriteFlags, preadv2};

use super::lent::ReadBuffer;
use crate::store::{ByteStream, Source, StoreError};

/// Opens a file without waiting for the disk; `None` if that cannot be done.
pub(super) fn open_cached(path: &Path) -> Option<File> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    openat2(CWD, path, flags, Mode::empty(), ResolveFlags::CACHED).map(File::from).ok()
}

/// Opens a file, which may take as long as the disk needs.
///
/// # Errors
/// [`StoreError::Missing`]
pub(super) fn open(path: &Path, source: &Source) -> Result<File, StoreError> {
    File::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => StoreError::Missing(name_of(source)),
        _ => error.into(),
    })
}

/// The bytes of a range; a file that ends before it is damaged. A short file is found before the client is
/// told anything.
///
/// # Errors
/// [`StoreError::Damaged`]
pub(super) fn stream(file: File, source: &Source, range: Range<u64>) -> Result<ByteStream, StoreError> {
    let found = file.metadata()?.len();
    if found < range.end {
        let text = format!("{} has {found} of {} bytes", name_of(source), range.end);
        return Err(StoreError::Damaged(text));
    }
    let reading = Reading { file: Arc::new(file), left: range, buffer: ReadBuffer::default() };
    Ok(Box::pin(stream::try_unfold(reading, Reading::next)))
}

/// The source in words, without the file's name, which is the user's.
fn name_of(source: &Source) -> String {
    match source {
        Source::Part(id) => format!("the part of upload {id}"),
        Source::Placed(place, _) => format!("the file of message {}", place.message),
    }
}

/// A file, and what is still to be read of it.
struct Reading {
    file: Arc<File>,
    left: Range<u64>,
    buffer: ReadBuffer,
}

impl Reading {
    async fn next(mut self) -> Result<Option<(Bytes, Self)>, StoreError> {
        if self.left.is_empty() {
            return Ok(None);
        }
        let at = self.left.start;
        let mut piece = self.buffer.take(self.left.end - at);
        let count = match read_cached(&self.file, &mut piece, at) {
            Some(count) => count,
            None => {
                let file = Arc::clone(&self.file);
                let read = tokio::task::spawn_blocking(move || Ok((file.read_at(&mut piece, at)?, piece)));
                let count;
                (count, piece) = super::join(read.await)?;
                count
            }
        };
        if count == 0 {
            return Err(StoreError::Damaged("a file is shorter than its record".into()));
        }
        self.left.start += count as u64;
        Ok(Some((self.buffer.lend(piece, count), self)))
    }
}

/// Reads what the page cache has at this place. `None` if it has nothing, or cannot say; then the way that
/// waits finds out what is wrong, if anything is.
fn read_cached(file: &File, piece: &mut [u8], at: u64) -> Option<usize> {
    preadv2(file, &mut [IoSliceMut::new(piece)], at, ReadWriteFlags::NOWAIT).ok()
}
