//! Received bytes, gathered for a large write: in a buffer where the sender is fast and the store has one for
//! them, and otherwise as they came.

use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::store::{Append, Buffer};

/// The bytes that a sender brings within [`QUICK`] to be given a buffer: some 25 MB/s. Slower senders have
/// none: a checkpoint leaves out what is in a buffer, so a kill would cost them more.
const FAST: usize = 256 * 1024;
const QUICK: Duration = Duration::from_millis(10);
/// The time within which the next buffer has to be full, at the same speed.
const QUICK_BUFFER: Duration = Duration::from_millis(40);
/// The size below which a piece is copied: uncopied, it keeps a connection's whole buffer from being used
/// again.
const SMALL_PIECE: usize = 4 * 1024;

/// Bytes that follow each other.
#[derive(Debug, Default, Clone)]
pub(super) struct Piece {
    pub(super) data: Vec<Bytes>,
    pub(super) bytes: usize,
    pub(super) is_buffer: bool,
}

/// Bytes that are gathered.
#[derive(Default)]
pub(super) struct Gathered {
    data: Vec<Bytes>,
    bytes: usize,
    /// When the first of them came, if there are any.
    since: Option<Instant>,
    /// Has all bytes, if there is one.
    buffer: Option<Buffer>,
    /// Whether a buffer was filled since the last tick.
    is_fast: bool,
}

impl Gathered {
    /// How many bytes there are.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether a buffer has them.
    pub(super) fn is_buffer(&self) -> bool {
        self.buffer.is_some()
    }

    /// Whether they are enough for a write, which is of this size without a buffer.
    pub(super) fn is_enough(&self, write: usize) -> bool {
        self.buffer.as_ref().map_or(self.bytes >= write, Buffer::is_full)
    }

    /// Takes bytes from the front of `data`, as many as have room; `end` is the offset of the first. A buffer
    /// comes from the store of the upload.
    pub(super) fn take(&mut self, data: &mut Bytes, end: u64, store: &mut dyn Append) {
        let since = self.since.get_or_insert_with(Instant::now);
        let is_fast = self.is_fast || self.bytes + data.len() >= FAST && since.elapsed() < QUICK;
        if self.buffer.is_none() && is_fast && self.bytes < FAST {
            self.buffer = store.buffer(end - self.bytes as u64);
            if let Some(buffer) = &mut self.buffer {
                self.data.drain(..).for_each(|mut piece| buffer.fill(&mut piece));
            }
        }
        let before = data.len();
        match &mut self.buffer {
            Some(buffer) => buffer.fill(data),
            None => self.data.push(match std::mem::take(data) {
                small if before < SMALL_PIECE => Bytes::copy_from_slice(&small),
                piece => piece,
            }),
        }
        self.bytes += before - data.len();
    }

    /// Takes out the bytes.
    pub(super) fn take_all(&mut self) -> Piece {
        let Self { data, bytes, buffer, since, .. } = std::mem::take(self);
        match buffer {
            Some(buffer) => {
                self.is_fast = buffer.is_full() && since.is_some_and(|since| since.elapsed() < QUICK_BUFFER);
                Piece { data: vec![buffer.freeze()], bytes, is_buffer: true }
            }
            None => Piece { data, bytes, is_buffer: false },
        }
    }

    /// Whether the bytes should be written though they are not enough, because they may wait long: asked
    /// every now and then. A buffer waits only while the sender fills one from each time to the next.
    pub(super) fn tick(&mut self) -> bool {
        !std::mem::take(&mut self.is_fast) || self.buffer.is_none()
    }

    /// Moves the bytes to as little memory as they need.
    pub(super) fn compact(&mut self) {
        let piece = self.take_all();
        if piece.is_buffer || piece.data.len() > 1 {
            self.data = vec![piece.data.concat().into()];
        } else {
            self.data = piece.data;
        }
        self.bytes = piece.bytes;
    }
}
