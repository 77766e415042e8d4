//! The buffer of a reader. It is lent to the reader's client and comes back when it has been sent; meanwhile
//! the next piece needs another one.

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

/// The buffer, while it is not lent.
type Back = Arc<Mutex<Option<Vec<u8>>>>;

/// A reader's buffer and the size of its pieces.
#[derive(Debug)]
pub(super) struct Desk {
    back: Back,
    size: usize,
    lent_at: Option<Instant>,
}

impl Default for Desk {
    fn default() -> Self {
        Self { back: Back::default(), size: LEAST, lent_at: None }
    }
}

impl Desk {
    /// Memory for a piece, of at most `most` bytes.
    pub(super) fn take(&mut self, most: u64) -> Piece {
        if let Some(lent_at) = self.lent_at {
            self.size = if lent_at.elapsed() < QUICK { MOST.min(self.size * 2) } else { LEAST };
        }
        let length = usize::try_from(most).unwrap_or(usize::MAX).min(self.size);
        let fits = |buffer: &Vec<u8>| (length..=self.size).contains(&buffer.len());
        let buffer = self.back.lock().take().filter(fits);
        Piece { buffer: buffer.unwrap_or_else(|| vec![0; length]), length }
    }

    /// The first `count` bytes of a piece, whose memory comes back when they are dropped.
    pub(super) fn lend(&mut self, piece: Piece, count: usize) -> Bytes {
        self.lent_at = Some(Instant::now());
        let piece = Piece { length: piece.length.min(count), ..piece };
        Bytes::from_owner(Lent { piece, back: Arc::clone(&self.back) })
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
        // Without a reader that could use it again, the buffer is freed.
        if Arc::strong_count(&self.back) > 1 {
            *self.back.lock() = Some(std::mem::take(&mut self.piece.buffer));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_is_used_again_when_it_is_back() {
        let mut desk = Desk { size: MOST, ..Desk::default() };
        let mut piece = desk.take(1 << 30);
        piece[0] = 7;
        let first = desk.lend(piece, 3);
        assert_eq!(first.as_ref(), [7, 0, 0]);
        let mut second = desk.take(1 << 30);
        second[0] = 8;
        let second = desk.lend(second, 1);
        assert_eq!((first[0], second[0]), (7, 8), "what is lent stays as it is");
        let place = first.as_ptr();
        drop((first, second));
        let third = desk.take(1 << 30);
        assert!(third.len() == MOST && (third.as_ptr() == place || third[0] == 8), "one of them is back");
    }

    #[test]
    fn pieces_are_small_until_the_client_has_proved_quick() {
        let mut desk = Desk::default();
        let mut sizes = Vec::new();
        for _ in 0..4 {
            let piece = desk.take(1 << 30);
            sizes.push(piece.len());
            desk.lend(piece, 1);
        }
        assert_eq!(sizes[0], LEAST);
        assert!(sizes.is_sorted() || sizes.contains(&LEAST), "{sizes:?}");
        desk.lent_at = Instant::now().checked_sub(2 * QUICK);
        assert_eq!(desk.take(1 << 30).len(), LEAST, "a slow client gets a small one again");
        assert_eq!(desk.take(10).len(), 10);
    }
}
