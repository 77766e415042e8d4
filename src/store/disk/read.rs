//! Reading a file as a stream.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::stream;

use crate::store::{ByteStream, Source, StoreError};

/// How many bytes are read at a time: enough that the hop to a blocking thread does not count, few enough for
/// many readers.
const PIECE: u64 = 256 * 1024;

/// Opens a file that has at least this many bytes: a short file is found before the client is told anything.
///
/// # Errors
/// [`StoreError::Missing`], [`StoreError::Damaged`]
pub(super) fn open(path: &Path, source: &Source, bytes: u64) -> Result<File, StoreError> {
    let file = File::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => StoreError::Missing(name_of(source)),
        _ => error.into(),
    })?;
    let found = file.metadata()?.len();
    if found < bytes {
        return Err(StoreError::Damaged(format!("{} has {found} of {bytes} bytes", name_of(source))));
    }
    Ok(file)
}

/// The source in words, without the file's name, which is the user's.
fn name_of(source: &Source) -> String {
    match source {
        Source::Part(id) => format!("the part of upload {id}"),
        Source::Placed(place, _) => format!("the file of message {}", place.message),
    }
}

/// The bytes of a range; a file that ends before it is damaged.
pub(super) fn stream(file: File, range: Range<u64>) -> ByteStream {
    let file = Arc::new(file);
    Box::pin(stream::try_unfold(range, move |range| {
        let file = Arc::clone(&file);
        async move {
            if range.is_empty() {
                return Ok(None);
            }
            let piece = range.start..range.end.min(range.start + PIECE);
            let rest = piece.end..range.end;
            let bytes = super::join(tokio::task::spawn_blocking(move || read(&file, piece)).await)?;
            Ok(Some((bytes, rest)))
        }
    }))
}

fn read(file: &File, piece: Range<u64>) -> Result<Bytes, StoreError> {
    let length = usize::try_from(piece.end - piece.start).expect("a piece is small");
    let mut bytes = BytesMut::zeroed(length);
    match file.read_exact_at(&mut bytes, piece.start) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            Err(StoreError::Damaged("a file is shorter than its record".into()))
        }
        outcome => Ok(outcome.map(|()| bytes.freeze())?),
    }
}
