//! The buffer of a reader. It is lent to the reader's client and comes back when it has been sent; meanwhile
//! the next piece needs another one. Making one costs about as much as filling it, because its memory has to
//! be zeroed, so the buffers of some readers that are done are kept for those that begin.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::Mutex;

/// The size of a piece for a client that takes its time, of which there may be thousands.
const LEAST: usize = 64 * 1024;
/// The size for a client that is fast: enough that the way through the HTTP library does not count, little
/// enough that it stays in the processor's cache from reading to sending.
const MOST: usize = 256 * 1024;
/// The time within which a fast client takes a piece.
const QUICK: Duration = Duration::from_millis(20);

/// How many buffers without a reader are kept.
const MOST_SPARE: usize = 16;

static SPARE: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());

/// The buffer, while it is not lent.
type Back = Arc<Mutex<Option<Vec<u8>>>>;

/// A reader's buffer and the size of its pieces.
#[derive(Debug)]
pub(super) struct ReadBuffer {
    back: Back,
    size: usize,
    lent_at: Option<Instant>,
}

impl Default for ReadBuffer {
    fn default() -> Self {
        Self { back: Back::default(), size: LEAST, lent_at: None }
    }
}

impl ReadBuffer {
    /// Memory for a piece, of at most `most` bytes.
    pub(super) fn take(&mut self, most: u64) -> Piece {
        if let Some(lent_at) = self.lent_at {
            self.size = next_size(lent_at.elapsed());
        }
        let length = usize::try_from(most).unwrap_or(usize::MAX).min(self.size);
        // A client that takes its time is to hold little.
        let is_slow = self.lent_at.is_some() && self.size == LEAST;
        let back = self.back.lock().take();
        if let Some(buffer) = back {
            if buffer.len() >= length && !(is_slow && buffer.len() > LEAST) {
                return Piece { buffer, length };
            }
            keep(buffer);
        }
        // Little is soon made.
        let spare = if is_slow || length < LEAST { None } else { SPARE.lock().pop() };
        Piece { buffer: spare.unwrap_or_else(|| vec![0; length]), length }
    }

    /// The first `count` bytes of a piece, whose memory comes back when they are dropped.
    pub(super) fn lend(&mut self, piece: Piece, count: usize) -> Bytes {
        self.lent_at = Some(Instant::now());
        let piece = Piece { length: piece.length.min(count), ..piece };
        Bytes::from_owner(Lent { piece, back: Arc::clone(&self.back) })
    }
}

/// The size of a piece after one that a client took in this time.
fn next_size(took: Duration) -> usize {
    if took < QUICK { MOST } else { LEAST }
}

/// Keeps a buffer for a reader that begins, if it has the size for that and there are few.
fn keep(buffer: Vec<u8>) {
    let mut spare = SPARE.lock();
    if buffer.len() == MOST && spare.len() < MOST_SPARE {
        spare.push(buffer);
    }
}

impl Drop for ReadBuffer {
    fn drop(&mut self) {
        let back = self.back.lock().take();
        back.into_iter().for_each(keep);
    }
}

/// Bytes of a buffer that may be longer.
#[derive(Debug)]
pub(super) struct Piece {
    buffer: Vec<u8>,
    length: usize,
}

impl Deref for Piece {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.buffer[..self.length]
    }
}

impl DerefMut for Piece {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.buffer[..self.length]
    }
}

struct Lent {
    piece: Piece,
    back: Back,
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.piece
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let buffer = std::mem::take(&mut self.piece.buffer);
        // The last one that has a share in the place is not the reader.
        if Arc::strong_count(&self.back) == 1 {
            keep(buffer);
        } else {
            let other = self.back.lock().replace(buffer);
            other.into_iter().for_each(keep);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_is_used_again_when_it_is_back() {
        let mut reader = ReadBuffer::default();
        reader.size = MOST;
        let mut piece = reader.take(1 << 30);
        piece[0] = 7;
        let first = reader.lend(piece, 1);
        let mut second = reader.take(1 << 30);
        second[0] = 8;
        let second = reader.lend(second, 1);
        assert_eq!((first[0], second[0]), (7, 8), "what is lent stays as it is");
        let place = first.as_ptr();
        drop(first);
        reader.lent_at = Some(Instant::now());
        assert_eq!(reader.take(1 << 30).as_ptr(), place, "the first is back");
        assert_eq!(second.as_ref(), [8]);
    }

    #[test]
    fn pieces_are_small_until_the_client_has_proved_quick() {
        let mut sizes = vec![ReadBuffer::default().take(1 << 30).len()];
        for took in [Duration::ZERO, QUICK, Duration::ZERO] {
            sizes.push(next_size(took));
        }
        assert_eq!(sizes, [LEAST, MOST, LEAST, MOST]);
        assert_eq!(ReadBuffer::default().take(10).len(), 10, "no more than is asked for");
    }
}
