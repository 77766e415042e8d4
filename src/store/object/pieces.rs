//! Bytes as they arrived, with the memory that they take.

use std::collections::VecDeque;
use std::ops::Range;

use bytes::Bytes;

use super::budget::Share;

/// Bytes in order, in the pieces in which they came.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    list: VecDeque<Bytes>,
    length: u64,
    share: Share,
}

impl Pieces {
    pub(super) fn len(&self) -> u64 {
        self.length
    }

    /// Adds a piece, and its share of the memory.
    pub(super) fn push(&mut self, piece: Bytes, share: Share) {
        self.length += length(&piece);
        self.list.push_back(piece);
        self.share.add(share);
    }

    /// Takes out the share of the memory, for what needs the bytes as long as this value or longer.
    pub(super) fn take_share(&mut self) -> Share {
        std::mem::take(&mut self.share)
    }

    /// Takes the first `count` bytes out.
    pub(super) fn take(&mut self, count: u64) -> Self {
        let mut taken = Self { share: self.share.split(in_memory(count)), ..Self::default() };
        while taken.length < count {
            let Some(mut piece) = self.list.pop_front() else { break };
            let wanted = count - taken.length;
            if length(&piece) > wanted {
                let rest = piece.split_off(in_memory(wanted));
                self.list.push_front(rest);
            }
            taken.length += length(&piece);
            taken.list.push_back(piece);
        }
        self.length -= taken.length;
        taken
    }

    /// The bytes of a range, without a copy.
    pub(super) fn range(&self, range: Range<u64>) -> Vec<Bytes> {
        let (mut found, mut at) = (Vec::new(), 0);
        for piece in &self.list {
            let (from, to) = (range.start.max(at), range.end.min(at + length(piece)));
            if from < to {
                found.push(piece.slice(in_memory(from - at)..in_memory(to - at)));
            }
            at += length(piece);
        }
        found
    }
}

/// The length of a piece.
pub(super) fn length(piece: &[u8]) -> u64 {
    u64::try_from(piece.len()).expect("a length fits")
}

/// A count of bytes that are in memory.
pub(super) fn in_memory(count: u64) -> usize {
    usize::try_from(count).expect("it is in memory")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pieces: &[&'static str]) -> Pieces {
        let mut made = Pieces::default();
        for piece in pieces {
            made.push(Bytes::from_static(piece.as_bytes()), Share::default());
        }
        made
    }

    #[test]
    fn bytes_are_taken_and_read_across_pieces() {
        for (taken, first, rest) in
            [(0, "", "abcdefg"), (2, "ab", "cdefg"), (4, "abcd", "efg"), (7, "abcdefg", "")]
        {
            let mut pieces = of(&["abc", "", "de", "fg"]);
            let front = pieces.take(taken);
            assert_eq!((front.len(), pieces.len()), (taken, 7 - taken));
            assert_eq!(front.range(0..99).concat(), first.as_bytes());
            assert_eq!(pieces.range(0..99).concat(), rest.as_bytes());
        }
        assert_eq!(of(&["abc", "de"]).range(1..4).concat(), b"bcd");
        assert_eq!(of(&["abc", "de"]).range(3..3), Vec::<Bytes>::new());
    }
}
